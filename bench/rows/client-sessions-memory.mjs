import { memoryRow } from '../lib/client-sessions-row.mjs';

export default memoryRow();

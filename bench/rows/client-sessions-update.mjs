import { operationRow } from '../lib/client-sessions-row.mjs';

export default operationRow('update', 'updateSession');

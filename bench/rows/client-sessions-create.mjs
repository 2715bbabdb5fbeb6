import { operationRow } from '../lib/client-sessions-row.mjs';

export default operationRow('create', 'createSession');

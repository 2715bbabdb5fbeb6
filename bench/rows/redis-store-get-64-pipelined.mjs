import { storeRow } from '../lib/store-row.mjs';

export default storeRow('get', 64, { autoPipelining: true });

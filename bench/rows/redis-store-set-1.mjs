import { storeRow } from '../lib/store-row.mjs';

export default storeRow('set', 1);

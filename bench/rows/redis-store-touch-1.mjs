import { storeRow } from '../lib/store-row.mjs';

export default storeRow('touch', 1);

import { touchAgainstMcpUse } from '../lib/store-row.mjs';

export default touchAgainstMcpUse();

export type { ContractRunner } from './contract-runner.js';
export { sessionStoreContract } from './session-store.contract.js';
export type { SessionStoreContractOptions } from './session-store.contract.js';

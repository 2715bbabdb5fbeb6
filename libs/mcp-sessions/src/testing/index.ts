export type { ContractRunner } from './contract-runner.js';
export { sessionStoreContract } from './session-store.contract.js';
export type { SessionStoreContractOptions } from './session-store.contract.js';
export { streamManagerContract } from './stream-manager.contract.js';
export type { StreamManagerContractOptions } from './stream-manager.contract.js';

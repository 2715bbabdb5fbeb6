export type { ContractRunner } from './contract-runner.js';
export { sessionsContract } from './client-sessions.contract.js';
export type { SessionsContractOptions } from './client-sessions.contract.js';
export { sessionStoreContract } from './session-store.contract.js';
export type { SessionStoreContractOptions } from './session-store.contract.js';
export { streamManagerContract } from './stream-manager.contract.js';
export type { StreamManagerContractOptions } from './stream-manager.contract.js';

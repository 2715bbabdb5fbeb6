/** What a store keeps of a session that a common client opened. */
export function metadata() {
  return {
    lastAccessedAt: Date.now(),
    logLevel: 'info',
    protocolVersion: '2025-11-25',
    clientCapabilities: { roots: { listChanged: true }, sampling: {}, elicitation: { form: {}, url: {} } },
    clientInfo: { name: 'bench-client', title: 'Bench client', version: '1.0.0' },
    subscriptions: ['file:///stock/4711', 'file:///stock/4712'],
  };
}

/** As many different ids. @param {number} count */
export function sessionIds(count) {
  return Array.from({ length: count }, (_, index) => `5f0e2c3a-7a2b-4c59-9d43-${index + 100_000}`);
}

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

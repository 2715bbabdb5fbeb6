/**
 * The child's end of `child.mjs`: answers commands of the parent, and ends with it.
 * @param {Record<string, (payload: any) => unknown>} commands
 * @param {Record<string, unknown>} [info] What the parent gets to know when this process is ready.
 */
export function serveCommands(commands, info = {}) {
  process.on('disconnect', () => process.exit());
  /** @param {any} message */
  const answer = async ({ id, command, payload }) => {
    try {
      process.send?.({ id, result: await commands[command](payload) });
    } catch (error) {
      process.send?.({ id, error: error instanceof Error ? error.stack : String(error) });
    }
  };
  process.on('message', (message) => void answer(message));
  process.send?.({ id: 0, result: info });
}

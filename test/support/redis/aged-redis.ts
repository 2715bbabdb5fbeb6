import { connect, createServer } from 'node:net';

/**
 * Stands in front of a real server and passes everything through, except that `INFO` names an old version: no server that
 * is really so old is at hand.
 *
 * @param atEnd has it closed
 * @returns its port
 */
export async function agedRedis(targetPort: number, atEnd: (end: () => void) => void): Promise<number> {
  const proxy = createServer((client) => {
    const server = connect(targetPort, '127.0.0.1');
    client.on('error', () => undefined).on('close', () => server.destroy());
    server.on('error', () => undefined).on('close', () => client.destroy());
    client.pipe(server);
    server.on('data', (chunk: Buffer) => client.write(aged(chunk)));
  });
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  atEnd(() => proxy.close());
  return (proxy.address() as { port: number }).port;
}

/** With a version that is as long as the true one, since the answer begins with its length. */
function aged(chunk: Buffer): Buffer {
  const text = chunk.toString('latin1');
  const old = text.replace(
    /(redis_version:)(\S+)/,
    (_, name: string, version: string) => name + '6.0.'.padEnd(version.length, '9'),
  );
  return Buffer.from(old, 'latin1');
}

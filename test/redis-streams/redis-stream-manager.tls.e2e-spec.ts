import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { cleanUpLater } from '../support/clean-up.js';
import { freePort } from '../support/redis/free-port.js';
import { RedisServer } from '../support/redis/redis-server.js';
import { ManagerProcess } from './manager-process.js';
import { mainOf } from './process-pair.js';

/** A build with TLS misses the certificate here; one without does not know the option. */
const { stdout } = spawnSync(process.env['REDIS_SERVER'] ?? 'redis-server', [
  '--port',
  '0',
  '--tls-port',
  '1',
]);
const whereTlsIs = String(stdout).includes('No tls-cert-file') ? describe : describe.skip;

whereTlsIs('Over TLS (skipped where redis-server is built without it)', () => {
  let directory: string;
  let certificate: string;
  let server: RedisServer;
  let url: string;

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'certificates-'));
    certificate = join(directory, 'certificate.pem');
    const key = join(directory, 'key.pem');
    const request =
      'req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=127.0.0.1 -addext subjectAltName=IP:127.0.0.1';
    const files = ['-keyout', key, '-out', certificate];
    execFileSync('openssl', [...request.split(' '), ...files], { stdio: 'pipe' });
    const port = await freePort();
    const tls = ['--tls-port', `${port}`, '--tls-cert-file', certificate, '--tls-key-file', key];
    server = await RedisServer.start({ args: [...tls, '--tls-auth-clients', 'no'] });
    url = `rediss://127.0.0.1:${port}`;
  });

  afterAll(async () => {
    await server.dispose();
    await rm(directory, { recursive: true });
  });

  function startManager(trusted?: string): Promise<ManagerProcess> {
    return ManagerProcess.start({ url, commandTimeoutMs: 1_500 }, { NODE_EXTRA_CA_CERTS: trusted });
  }

  it('P1 instances reach each other by a rediss:// URL', async () => {
    const managers = await Promise.all([startManager(certificate), startManager(certificate)]);
    cleanUpLater(() => Promise.all(managers.map((manager) => manager.kill())));
    const [sender, holder] = managers as [ManagerProcess, ManagerProcess];
    await holder.open('stream', mainOf('session'));
    await sender.send(['session'], 'own');
    await sender.send(null, 'for all');
    expect((await holder.receives('stream', 2)).data.toSorted()).toEqual(['for all', 'own']);
  });

  it('a server whose certificate nobody vouches for is not talked to', async () => {
    await expect(startManager()).rejects.toMatchObject({ code: 'STREAM_MANAGER_UNAVAILABLE' });
  });
});

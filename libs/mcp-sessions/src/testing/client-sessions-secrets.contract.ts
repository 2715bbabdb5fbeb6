import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import type { EncryptionKey } from '../client-sessions/sessions-options.interface.js';
import type { Session } from '../client-sessions/sessions.interface.js';
import { sessionOf, type DeclareSessionsCase } from './client-sessions-case.js';

const OLD_KEY: EncryptionKey = { id: 'old', key: randomBytes(32) };
const NEW_KEY: EncryptionKey = { id: 'new', key: randomBytes(32) };
const OTHER_KEY: EncryptionKey = { id: 'old', key: randomBytes(32) };

const SECRETS: Partial<Session> = {
  headers: { Authorization: 'Basic hush-headers' },
  clientInformation: { client_id: 'c', client_secret: 'hush-client' },
  tokens: { access_token: 'hush-access', refresh_token: 'hush-refresh', scopes: [] },
  codeVerifier: 'hush-verifier',
  oauthState: { state: 'hush-state' },
  discoveryState: { authorizationServerUrl: 'https://hush-issuer.example.com' },
};

const UNREADABLE = { name: 'SessionDecryptionError', code: 'SESSION_DECRYPTION_FAILED' };

/** Credentials at rest. @param hasPeers whether another instance with other keys can be made */
export function sessionsSecrets(declare: DeclareSessionsCase, hasPeers: boolean): void {
  declare(
    'credentials are not at rest in clear text, when there is a key',
    async (own) => {
      await own.sessions.create(sessionOf(own, { sessionId: 'created', ...SECRETS }));
      await own.sessions.create(sessionOf(own, { sessionId: 'updated' }));
      await own.sessions.update('user', 'updated', SECRETS);
      for (const sessionId of ['created', 'updated']) {
        const { updatedAt: _, ...session } = (await own.sessions.get('user', sessionId))!;
        assert.deepEqual(session, sessionOf(own, { sessionId, ...SECRETS }));
      }
      if (!own.readStorage) return;
      const storage = await own.readStorage();
      assert.doesNotMatch(storage, /hush/);
      assert.match(storage, /mcp\.example\.com/);
    },
    { encryptionKeys: [NEW_KEY] },
  );

  if (!hasPeers) return;

  declare(
    'keys are rotated while sessions are in use',
    async (own) => {
      await own.sessions.create(sessionOf(own, SECRETS));
      const both = await own.peer({ encryptionKeys: [NEW_KEY, OLD_KEY] });
      assert.deepEqual(await both.get('user', 'session'), sessionOf(own, SECRETS));
      await both.update('user', 'session', { serverName: 'touched' });
      const after = await own.peer({ encryptionKeys: [NEW_KEY] });
      assert.deepEqual((await after.get('user', 'session'))?.tokens, SECRETS.tokens);
    },
    { encryptionKeys: [OLD_KEY] },
  );

  declare(
    'of updates at the same time all survive, also those that encrypt with another key',
    async (own) => {
      await own.sessions.create(sessionOf(own, SECRETS));
      const peers = [
        own.sessions,
        await own.peer({ encryptionKeys: [NEW_KEY, OLD_KEY] }),
        await own.peer({ encryptionKeys: [NEW_KEY, OLD_KEY] }),
      ];
      for (let round = 0; round < 5; round += 1) {
        const patches: Partial<Session>[] = [
          { tokens: { access_token: `hush-${round}` } },
          { serverName: `${round}` },
          { codeVerifier: round === 4 ? null : `hush-${round}` },
          { metadata: { round: `${round}` } },
          { headers: { round: `${round}` } },
        ];
        await Promise.all(
          patches.map((patch, index) => peers[(index + round) % 3]!.update('user', 'session', patch)),
        );
        const { codeVerifier, ...session } = (await own.sessions.get('user', 'session'))!;
        assert.deepEqual(
          { ...session, codeVerifier: codeVerifier ?? null },
          { ...session, ...Object.assign({}, ...patches) },
        );
        assert.deepEqual(session.discoveryState, SECRETS.discoveryState);
      }
    },
    { encryptionKeys: [OLD_KEY, NEW_KEY] },
  );

  declare(
    'a key that is missing, or another one, is an error and never a credential',
    async (own) => {
      await own.sessions.create(sessionOf(own, SECRETS));
      for (const encryptionKeys of [[], [NEW_KEY], [OTHER_KEY]]) {
        const peer = await own.peer({ encryptionKeys });
        await assert.rejects(peer.get('user', 'session'), UNREADABLE);
        await assert.rejects(peer.list('user'), UNREADABLE);
        await assert.rejects(peer.update('user', 'session', { serverName: 'x' }), UNREADABLE);
        assert.deepEqual(await peer.listIds('user'), ['session']);
      }
      assert.deepEqual(await own.sessions.get('user', 'session'), sessionOf(own, SECRETS));
    },
    { encryptionKeys: [OLD_KEY] },
  );

  declare(
    'what was stored before there was a key is read, and encrypted when it is updated',
    async (own) => {
      await own.sessions.create(sessionOf(own, SECRETS));
      const peer = await own.peer({ encryptionKeys: [NEW_KEY] });
      assert.deepEqual((await peer.get('user', 'session'))?.tokens, SECRETS.tokens);
      await peer.update('user', 'session', { serverName: 'touched' });
      assert.doesNotMatch((await own.readStorage?.()) ?? '', /hush/);
    },
    { encryptionKeys: [] },
  );
}

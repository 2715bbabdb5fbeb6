import { createHash, timingSafeEqual } from 'node:crypto';

/** The access tokens that the notebook accepts, and whose they are. */
export class AccessTokens {
  private readonly owners: { digest: Buffer; user: string }[];

  /**
   * @param list `token:user,token:user`
   * @throws Error the list has another form; the message does not repeat it
   */
  constructor(list: string) {
    this.owners = list.split(',').map((entry) => {
      const [, token, user] = /^([^:]+):(.+)$/.exec(entry.trim()) ?? [];
      if (!token || !user) throw new Error('NOTEBOOK_TOKENS must have the form token:user,token:user');
      return { digest: digestOf(token), user };
    });
  }

  /** The token's user. Takes equally long for every token: digests have one length, and all are compared. */
  userOf(token: string): string | undefined {
    const digest = digestOf(token);
    return this.owners.filter((owner) => timingSafeEqual(owner.digest, digest))[0]?.user;
  }
}

function digestOf(token: string): Buffer {
  return createHash('sha256').update(token).digest();
}

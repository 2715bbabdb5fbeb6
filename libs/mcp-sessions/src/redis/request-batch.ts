interface Request<Answer> {
  readonly key: string;
  readonly resolve: (answer: Answer) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Asks for what comes up in one turn of the event loop together, while an answer is being waited for: one command
 * costs client and server less than many. A request that comes alone goes out at once.
 */
export class RequestBatch<Answer> {
  private requests: Request<Answer>[] = [];
  private underWay = 0;

  /**
   * @param ask answers for all keys, in their order
   * @param size the most keys of one call
   */
  constructor(
    private readonly ask: (keys: string[]) => Promise<Answer[]>,
    private readonly size: number,
  ) {}

  request(key: string): Promise<Answer> {
    return new Promise((resolve, reject) => {
      this.requests.push({ key, resolve, reject });
      if (this.underWay === 0 || this.requests.length === this.size) void this.flush();
      else if (this.requests.length === 1) setImmediate(() => void this.flush());
    });
  }

  private async flush(): Promise<void> {
    const requests = this.requests;
    if (requests.length === 0) return; // its turn had so many that they are under way already
    this.requests = [];
    this.underWay += 1;
    try {
      const answers = await this.ask(requests.map(({ key }) => key));
      requests.forEach(({ resolve }, index) => resolve(answers[index]!));
    } catch (error) {
      for (const { reject } of requests) reject(error);
    } finally {
      this.underWay -= 1;
    }
  }
}

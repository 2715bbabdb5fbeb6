interface Waiting<Asked, Answer> {
  readonly asked: Asked;
  readonly resolve: (answer: Answer) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Puts the requests that come up in one turn of the event loop together, while an answer is being waited for: one
 * command costs client and server less than many. A request that comes alone goes out at once.
 */
export class RequestBatch<Asked, Answer> {
  private waiting: Waiting<Asked, Answer>[] = [];
  private underWay = 0;

  /**
   * @param put puts requests as one command; answers them in their order
   * @param most the most requests of one command
   */
  constructor(
    private readonly put: (asked: Asked[]) => Promise<Answer[]>,
    private readonly most: number,
  ) {}

  request(asked: Asked): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const count = this.waiting.push({ asked, resolve, reject });
      if (this.underWay === 0 || count === this.most) this.flush();
      else if (count === 1) setImmediate(() => this.flush());
    });
  }

  /** Sends what waits. To be called before a command that must not overtake it. */
  flush(): void {
    const requests = this.waiting;
    if (requests.length === 0) return; // they are under way already
    this.waiting = [];
    this.underWay += 1;
    void this.send(requests);
  }

  private async send(requests: Waiting<Asked, Answer>[]): Promise<void> {
    try {
      const answers = await this.put(requests.map(({ asked }) => asked));
      requests.forEach(({ resolve }, index) => resolve(answers[index]!));
    } catch (error) {
      for (const { reject } of requests) reject(error);
    } finally {
      this.underWay -= 1;
    }
  }
}

/** The server's clock, as far as this instance knows it. This process's own may be set while it runs. */
export class RedisClock {
  private offset = Date.now() - performance.now();

  /** Milliseconds since the epoch. */
  now(): number {
    return Math.round(performance.now() + this.offset);
  }

  /** @param time what the server has just said, in milliseconds since the epoch */
  set(time: number): void {
    this.offset = time - performance.now();
  }
}

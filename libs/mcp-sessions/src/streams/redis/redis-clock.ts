/** The server's clock, as far as this instance knows it. */
export class RedisClock {
  private ahead = 0;

  /** Milliseconds since the epoch. */
  now(): number {
    return Date.now() + this.ahead;
  }

  /** @param time what the server has just said, in milliseconds since the epoch */
  set(time: number): void {
    this.ahead = time - Date.now();
  }
}

/**
 * The server's clock as its answers tell it (`Date`), so that a wrong clock here changes no deadline. Between answers it
 * goes on by a timer of its own. It is right to about a second.
 */
export class ServerClock {
  /** Server's time less this process's timer; `undefined` before the first answer. */
  #ahead: number | undefined

  /** Takes the time of an answer that has just come. What is no date changes nothing. */
  learn(date: string | null | undefined): void {
    const time = Date.parse(date ?? '')
    // A date has no parts of a second.
    if (Number.isFinite(time)) this.#ahead = time + 500 - performance.now()
  }

  /** Milliseconds until a time that the server told, negative when it is over. Before the first answer by the clock here. */
  msUntil(time: string | Date): number {
    const now = this.#ahead === undefined ? Date.now() : performance.now() + this.#ahead
    return new Date(time).getTime() - now
  }
}

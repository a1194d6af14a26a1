/** The device's /var/log/ltm, as far as it was written since the start. */
export class DeviceLog {
  readonly lines: string[] = [];
  #waiting: Array<{ readonly matches: (line: string) => boolean; readonly resolve: (line: string) => void }> =
    [];

  write(line: string): void {
    this.lines.push(line);
    this.#waiting = this.#waiting.filter(({ matches, resolve }) => {
      if (!matches(line)) return true;
      resolve(line);
      return false;
    });
  }

  /**
   * The first line after `from` that has the text in it; waits for one.
   *
   * @returns undefined when none came within the deadline
   */
  find(
    text: string,
    { from = 0, deadlineMs = 2000 }: { from?: number; deadlineMs?: number } = {},
  ): Promise<string | undefined> {
    const known = this.lines.slice(from).find((line) => line.includes(text));
    if (known !== undefined) return Promise.resolve(known);
    return new Promise((resolve) => {
      const timer = setTimeout(() => resolve(undefined), deadlineMs);
      const found = (line: string): void => {
        clearTimeout(timer);
        resolve(line);
      };
      this.#waiting.push({ matches: (line) => line.includes(text), resolve: found });
    });
  }
}

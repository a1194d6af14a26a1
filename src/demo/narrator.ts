/** Who tells the story of the demo; the terminal in one case, JSON lines in another. */
export interface Narrator {
  /** A numbered step begins. */
  step(title: string): void;
  /** Something that the agent or an operator did. */
  did(text: string): void;
  /** Something that was observed. */
  saw(text: string): void;
  /** A line of the device's log. */
  log(line: string): void;
}

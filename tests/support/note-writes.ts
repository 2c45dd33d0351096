import type { Metadata } from "../../src/metadata/index.ts";
import type { AllWrites } from "../../src/writes.ts";

/** The rows as a process sees them whose answered writes of one name are noted. */
export function noteWrites<N extends keyof AllWrites>(
  whole: Metadata<AllWrites>,
  noted: N,
  note: (input: never, answer: Awaited<ReturnType<AllWrites[N]>>) => void,
): Metadata<AllWrites> {
  const write = async (name: N, input: never) => {
    const answer = await whole.write(name, input);
    if (name === noted) note(input, answer as Awaited<ReturnType<AllWrites[N]>>);
    return answer;
  };
  return { ...whole, read: whole.read, write: write as never };
}

import type { Metadata } from "../../src/metadata/index.ts";
import type { AllWrites } from "../../src/writes.ts";

/** When a process dies. */
export interface Death {
  /** The writes that count; signs of life come as often as time lets them. */
  readonly steps: RegExp;
  /** At which of them: before it, or after it was done and before the process hears so. */
  readonly at: number;
  readonly when: "before" | "after";
  /** Its writes fail from then on, so that what this test's own process does for it comes to an end; else they are never answered. */
  readonly fails?: true;
}

/** The rows as a process sees them that dies. */
export function dyingNode(whole: Metadata<AllWrites>, { steps, at: dieAt, when, fails }: Death) {
  const death = Promise.withResolvers<void>();
  const life = { writes: 0, dead: false, death: death.promise };
  const end = () => {
    life.dead = true;
    death.resolve();
  };
  const silence = new Promise<never>(() => undefined);
  const die = (): Promise<never> => (fails === true ? Promise.reject(new Error("the process is dead")) : silence);
  const write = async (name: never, input: never) => {
    const isStep = steps.test(name);
    if (life.dead) return die();
    if (isStep) life.writes++;
    const last = isStep && life.writes === dieAt;
    if (last && when === "before") end();
    if (life.dead) return die();
    const answer = await whole.write(name, input);
    if (last) end();
    return life.dead ? die() : answer;
  };
  const node: Metadata<AllWrites> = { ...whole, read: whole.read, alone: false, write: write as never };
  return { life, node };
}

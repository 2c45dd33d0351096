import type { AnswerOf, undoEndpoints } from "../contract/index.ts";
import { askServer } from "./ask-server.ts";
import { usageError } from "./command-error.ts";
import { exitCodes } from "./exit-codes.ts";
import { openContext } from "./open-context.ts";
import type { ServerFlags } from "./open-context.ts";
import { printResult } from "./print-result.ts";
import type { Output } from "./print-result.ts";

type Answer = AnswerOf<typeof undoEndpoints.undoLifecycleRun>;

/** `berth undo run` @returns 1 when something was left */
export async function undoRun(
  env: NodeJS.ProcessEnv,
  text: string,
  { output, ...place }: ServerFlags & { readonly output: Output },
): Promise<number> {
  if (!/^[1-9]\d{0,14}$/.test(text)) throw usageError(`${JSON.stringify(text)} is no number`);
  const { server } = await openContext(env, place);
  const restored: Answer["restored"] = [];
  const left: Answer["left"] = [];
  let answer: Answer;
  let after: number | null = null;
  do {
    const body: object = after === null ? {} : { after };
    answer = await askServer(server, "undoLifecycleRun", { parameters: { run: Number(text) } as never, body });
    restored.push(...answer.restored);
    left.push(...answer.left);
    after = answer.next;
  } while (after !== null);
  const { run, repository } = answer;
  const rows = [
    ...restored.map(({ kind, target, tags }) => ["restored", kind, target, tags.join(", ") || "-", ""]),
    ...left.map(({ target, tag, reason }) => ["left", tag === null ? "manifest" : "tag", target, tag ?? "-", reason]),
  ];
  const heading = ["STATE", "KIND", "TARGET", "TAGS", "WHY"];
  await printResult(output, { value: { run, repository, restored, left }, heading, rows });
  return left.length > 0 ? exitCodes.failed : exitCodes.done;
}

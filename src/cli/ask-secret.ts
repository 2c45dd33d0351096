import { readFile } from "node:fs/promises";
import { createInterface } from "node:readline/promises";
import { text as readAll } from "node:stream/consumers";
import { CommandError, usageError } from "./command-error.ts";

/** Where a secret is taken from, when not by a question on the terminal. Never an argument: other users see those. */
export interface SecretSource {
  readonly stdin: boolean;
  readonly file: string | undefined;
}

/** @throws CommandError when there is none; see {@link askInTurn} */
export async function askSecret(question: string, source: SecretSource, flag: string): Promise<string> {
  const [answer] = await askInTurn([{ question }], source, flag);
  return answer!;
}

/**
 * Secrets from standard input or a file, a line each, or from the terminal without an echo; a line feed at the end is
 * dropped.
 * @param flag what to give where there is no terminal
 * @throws CommandError when one is missing, or is not the same when it is asked for twice
 */
export async function askInTurn(
  questions: readonly { readonly question: string; readonly twice?: true }[],
  { stdin, file }: SecretSource,
  flag: string,
): Promise<readonly string[]> {
  const answers: string[] = [];
  if (stdin || file !== undefined) {
    const text = (stdin ? await readAll(process.stdin) : await readSecretFile(file!)).replace(/\r?\n$/, "");
    answers.push(...(questions.length === 1 ? [text] : text.split(/\r?\n/)));
  } else {
    for (const { question, twice } of questions) {
      const answer = await askHidden(question, flag);
      if (twice === true && (await askHidden(`${question}, again`, flag)) !== answer) {
        throw new CommandError("what was typed is not the same twice: nothing was changed");
      }
      answers.push(answer);
    }
  }
  const missing = questions.find((_, index) => (answers[index] ?? "") === "");
  if (missing !== undefined) throw usageError(`the ${missing.question.toLowerCase()} is empty: nothing was given`);
  if (answers.length > questions.length) {
    const wanted = questions.map(({ question }) => question.toLowerCase()).join(", ");
    throw usageError(`${answers.length} lines were given, wanted: ${wanted}`);
  }
  return answers;
}

/** One line from the terminal. @throws CommandError where there is none */
export async function askLine(question: string, flag: string): Promise<string> {
  refuseWithoutTerminal(question, flag);
  const lines = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return (await lines.question(`${question}: `)).trim();
  } finally {
    lines.close();
  }
}

async function readSecretFile(path: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    throw new CommandError(`${path} cannot be read (${(error as NodeJS.ErrnoException).code})`, { cause: error });
  }
}

/** The terminal is told not to echo; what is typed is read key by key. */
async function askHidden(question: string, flag: string): Promise<string> {
  refuseWithoutTerminal(question, flag);
  const { stdin, stderr } = process;
  // First: what is typed as soon as the question is there is not to be shown either.
  stdin.setRawMode(true);
  stderr.write(`${question}: `);
  try {
    return await readKeys(stdin);
  } finally {
    stdin.setRawMode(false);
    stdin.pause();
    stderr.write("\n");
  }
}

/** Up to the end of the line. @throws CommandError when it is stopped */
function readKeys(stdin: NodeJS.ReadStream): Promise<string> {
  stdin.setEncoding("utf8");
  let typed: string[] = [];
  return new Promise((resolve, reject) => {
    const finish = (end: () => void) => {
      stdin.off("data", take);
      end();
    };
    const take = (chunk: string) => {
      for (const key of chunk) {
        if (key === "\r" || key === "\n") return finish(() => resolve(typed.join("")));
        if (key === "\u0003" || key === "\u0004") {
          return finish(() => reject(new CommandError("nothing was given: stopped")));
        }
        if (key === "\u007f" || key === "\b") typed.pop();
        else if (key === "\u0015") typed = [];
        else if (key >= " ") typed.push(key);
      }
    };
    stdin.on("data", take);
    stdin.resume();
  });
}

function refuseWithoutTerminal(question: string, flag: string): void {
  if (process.stdin.isTTY && process.stderr.isTTY) return;
  throw usageError(`there is no terminal to ask for the ${question.toLowerCase()}: give ${flag}`);
}

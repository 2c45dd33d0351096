import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import { afterAll, expect, test } from "vitest";
import { compareAnswers } from "../support/compare-answers.ts";
import type { ComparedAnswer } from "../support/compare-answers.ts";
import { authorizationIn } from "../support/ecr-wire.ts";
import { expectTable } from "../support/golden.ts";
import { needPeers } from "../support/peers.ts";
import { startPostgres } from "../support/postgres.ts";
import { recordedDifferences } from "../support/recorded-differences.ts";
import { startTestServer } from "../support/start-server.ts";

const account = "123456789012";
const region = "us-east-1";

const postgres = await startPostgres();
afterAll(() => postgres?.stop());

/** A request and its answer, as they were recorded: without headers. */
interface Recorded {
  readonly number: number;
  /** `X-Amz-Target`; empty for a form. */
  readonly target: string;
  readonly body: string;
  readonly answer: ComparedAnswer;
  /** Some answers were cut off when they were recorded: what came after that is not known. */
  readonly whole: boolean;
}

async function readRecorded(): Promise<Recorded[]> {
  const text = await readFile(resolve(import.meta.dirname, "../fixtures/ecr/recorded-calls.txt"), "utf8");
  return text
    .trimEnd()
    .split("\n")
    .map((line) => {
      const [, number, target = "", body = "", status, answer = ""] =
        /^(\d+) POST (\S*) (.*) => (\d+) (.*)$/.exec(line) ?? [];
      const complete = completeJson(answer);
      return {
        ...{ number: Number(number), target, body, whole: complete === answer },
        answer: { status: Number(status), body: readBody(complete) },
      };
    });
}

/** What was recorded of an answer up to its last whole member. */
function completeJson(text: string): string {
  if (!text.startsWith("{")) return text;
  const open: string[] = [];
  let whole = text;
  for (const { 0: token, index } of text.matchAll(/"(?:[^"\\]|\\.)*(?:"|\\?$)|[{}[\],]/g)) {
    if (token === ",") whole = text.slice(0, index) + open.toReversed().join("");
    if (token === "{" || token === "[") open.push(token === "{" ? "}" : "]");
    if (token === "}" || token === "]") open.pop();
  }
  return open.length === 0 ? text : whole;
}

/** JSON without the nulls that moto writes for what is absent; of XML what its elements hold, the id of the request aside. */
function readBody(text: string): unknown {
  if (text.startsWith("{")) return JSON.parse(text, (_key, value: unknown) => value ?? undefined);
  if (!text.startsWith("<") || text.startsWith("<!doctype")) return text;
  const leaves = [...text.matchAll(/<(\w+)>([^<]*)<\/\1>/g)].map(([, name, value]) => [name, value]);
  const {
    RequestId: _id,
    Code: __type,
    Message: message,
    ...members
  } = Object.fromEntries(leaves) as Record<string, string>;
  return __type === undefined ? members : { __type, message };
}

async function send(url: string, { target, body }: Pick<Recorded, "target" | "body">): Promise<ComparedAnswer> {
  const form = target === "";
  const service = form
    ? body.includes("2010-05-08")
      ? "iam"
      : "sts"
    : target.startsWith("TrentService.")
      ? "kms"
      : "ecr";
  const answer = await fetch(url, {
    method: "POST",
    headers: {
      "content-type": form ? "application/x-www-form-urlencoded" : "application/x-amz-json-1.1",
      ...(!form && { "x-amz-target": target }),
      authorization: authorizationIn(region, service),
    },
    body,
  });
  return { status: answer.status, body: readBody(await answer.text()) };
}

test.each(["SQLite", "PostgreSQL"] as const)(
  "on %s, the recorded calls are answered as they were, but for what is listed",
  async (kind, context: any) => {
    if (kind === "PostgreSQL") needPeers(context, "postgresql");
    const server = await startTestServer({
      ...(kind === "PostgreSQL" && { database: await postgres!.makeDatabase() }),
      ecr: { accounts: [{ id: account, namespace: "" }], publicHost: `${account}.dkr.ecr.${region}.amazonaws.com` },
    });
    try {
      const recorded = await readRecorded();
      expect(recorded.map(({ number }) => number)).toEqual(recorded.map((_one, index) => index));
      const found: string[] = [];
      const examples: string[] = [];
      // A key has another id here than where it was recorded.
      let [key, ownKey] = ["", ""];
      for (const { number, target, body, answer, whole } of recorded) {
        const ours = await send(server.url, { target, body: key === "" ? body : body.replaceAll(key, ownKey) });
        if (target === "TrentService.CreateKey") {
          const idOf = (one: ComparedAnswer) => (one.body as { KeyMetadata: { KeyId: string } }).KeyMetadata.KeyId;
          [key, ownKey] = [idOf(answer), idOf(ours)];
        }
        expect(ours.status, `${number} ${target}`).toBeLessThan(500);
        const operation = target.split(".").at(-1) || /Action=(\w+)/.exec(body)?.[1];
        for (const { member, theirs, ours: own } of compareAnswers(answer, ours)) {
          if (!whole && theirs === undefined) continue;
          found.push(`${number} ${operation} ${member}`);
          examples.push(`${number} ${operation} ${member}: ${JSON.stringify(theirs)} => ${JSON.stringify(own)}`);
        }
      }
      const listed = recordedDifferences.flatMap(({ operation, calls, members }) =>
        calls.flatMap((number) => members.map((member) => `${number} ${operation} ${member}`)),
      );
      expect([...new Set(found)].toSorted(), examples.join("\n")).toEqual(listed.toSorted());
      expect(server.errors).toEqual([]);
    } finally {
      await server.close();
    }
  },
);

test("docs/ecr-differences.md lists what differs from the recorded answers", async () => {
  const rows = recordedDifferences.map(({ operation, calls, members, reason }) => [
    operation,
    calls.join(", "),
    members.map((member) => `\`${member}\``).join(", "),
    reason,
  ]);
  await expectTable("ecr-differences.md", "Recorded calls", ["operation", "calls", "members", "why"], rows);
});

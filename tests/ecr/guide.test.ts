import { readFile } from "node:fs/promises";
import { delimiter, dirname, resolve } from "node:path";
import { expect, test } from "vitest";
import { getPeer } from "../support/peers.ts";
import { runProgram } from "../support/run.ts";
import { startTestServer } from "../support/start-server.ts";

test("the commands of docs/guide/ecr.md work with the AWS command line", { timeout: 900_000 }, async (context) => {
  const folder = dirname(getPeer(context, "aws"));
  const page = await readFile(resolve(import.meta.dirname, "../../docs/guide/ecr.md"), "utf8");
  const blocks = [...page.matchAll(/^```sh\n([^]*?)^```$/gm)].map(([, commands]) => commands!);
  expect(blocks).toHaveLength(1);
  const server = await startTestServer();
  try {
    const script = blocks[0]!.replaceAll("127.0.0.1:5000", server.host);
    const env = { PATH: [folder, process.env["PATH"]].join(delimiter), AWS_PAGER: "", AWS_CONFIG_FILE: "/dev/null" };
    const { code, stdout, stderr } = await runProgram("bash", ["-euo", "pipefail", "-c", script], env);
    expect(code, stderr).toBe(0);
    expect(stdout).toContain(`${server.host}/team/app\n`);
    expect(stdout.match(/"imageTagMutability": "IMMUTABLE_WITH_EXCLUSION"/g)).toHaveLength(2);
    expect(server.errors).toEqual([]);
  } finally {
    await server.close();
  }
});

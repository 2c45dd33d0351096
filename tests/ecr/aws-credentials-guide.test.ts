import { delimiter, dirname } from "node:path";
import { expect, test } from "vitest";
import { installBerth } from "../support/install-berth.ts";
import { openCommands } from "../support/open-commands.ts";
import { getPeer } from "../support/peers.ts";
import { runProgram } from "../support/run.ts";

const { admin, berth, block, home, host, logIn } = await openCommands("guide/aws-credentials.md");

test("the example of docs/guide/aws-credentials.md does what it says", { timeout: 900_000 }, async (context) => {
  const aws = dirname(getPeer(context, "aws"));
  expect((await logIn()).code).toBe(0);
  await admin.post("/namespaces", { path: "team" });
  const bin = await installBerth(home);
  const path = [bin, aws, "/usr/local/bin", "/usr/bin", "/bin", dirname(process.execPath)].join(delimiter);
  const env = { HOME: home, PATH: path, AWS_PAGER: "", AWS_CONFIG_FILE: "/dev/null" };
  const script = block("sh").replaceAll("127.0.0.1:5000", host);
  const { code, stdout, stderr } = await runProgram("bash", ["-euo", "pipefail", "-c", script], env);
  expect(code, stderr).toBe(0);
  expect(stdout).toContain("arn:aws:iam::000000000000:user/admin\n");
  expect(stdout).toContain("arn:aws:sts::000000000000:assumed-role/robot_team_ci/deploy\n");
  expect(stdout).toMatch(/^\d+ +terraform /m);
});

test("its trust rule is taken as it is written", async () => {
  const [, command] = /^\$ berth (.*?)$/ms.exec(block("sh-session").replaceAll(/\\\n */g, ""))!;
  const { code, stderr } = await berth(command!.split(" ").filter(Boolean));
  expect(code, stderr).toBe(0);
});

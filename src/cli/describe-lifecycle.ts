import type { Command } from "commander";
import { withOutput, withServer } from "./flags.ts";
import type { ServerFlags } from "./open-context.ts";
import type { PreviewFlags } from "./preview-lifecycle.ts";
import type { Output } from "./print-result.ts";
import type { RunFlags } from "./run-lifecycle.ts";

/** `berth lifecycle`: which images go by a policy, and why. */
export function describeLifecycle(program: Command, finish: (code: number) => void): void {
  const lifecycle = program
    .command("lifecycle")
    .description("say which images go by a policy, and why; let them go")
    .helpCommand(false);

  withOutput(withServer(lifecycle.command("preview")))
    .description("say what a policy would do, image by image; changes nothing")
    .argument("<repository>", "or a pattern, such as 'team/*'")
    .option("--file <path>", "a policy in Berth's, ECR's or Harbor's form, as YAML or JSON; - reads standard input")
    .option("--expired", "only what goes")
    .option("--job", "work it out in the background, and wait: what is done for large repositories anyway")
    .action(async (pattern: string, options: PreviewFlags) => {
      const { previewLifecycle } = await import("./preview-lifecycle.ts");
      finish(await previewLifecycle(process.env, pattern, options));
    });

  withOutput(withServer(lifecycle.command("previews")))
    .description("list the previews of a repository that were worked out in the background, the latest first")
    .argument("<repository>")
    .action(async (repository: string, options: ServerFlags & { output: Output }) => {
      const { listPreviews } = await import("./preview-by-job.ts");
      finish(await listPreviews(process.env, repository, options));
    });

  withOutput(withServer(lifecycle.command("cancel")))
    .description("cancel a preview that is worked out in the background, or remove its result")
    .argument("<repository>")
    .argument("<preview>", "its number")
    .action(async (repository: string, preview: string, options: ServerFlags & { output: Output }) => {
      const { cancelPreview } = await import("./preview-by-job.ts");
      finish(await cancelPreview(process.env, repository, preview, options));
    });

  withOutput(withServer(lifecycle.command("set")))
    .description("set the policy of a namespace, and so of all below it, or of a repository")
    .argument("<place>", "team/ is a namespace, / the root, team/app a repository")
    .requiredOption(
      "--file <path>",
      "a policy in Berth's, ECR's or Harbor's form, as YAML or JSON; - reads standard input",
    )
    .action(async (place: string, options: { output: Output; file: string }) => {
      const { setLifecycle } = await import("./run-lifecycle.ts");
      finish(await setLifecycle(process.env, place, options));
    });

  withOutput(withServer(lifecycle.command("run")))
    .description("carry out the policy that holds, in the background: what it lets go is deleted")
    .argument("<repository>", "or a pattern, such as 'team/*'")
    .option("--confirm <run>", "a run that ended unconfirmed: what is on its list may go")
    .option("--wait", "until it has ended; ends with 1 when it was not done")
    .action(async (pattern: string, options: RunFlags) => {
      const { runLifecycle } = await import("./run-lifecycle.ts");
      finish(await runLifecycle(process.env, pattern, options));
    });

  withOutput(withServer(lifecycle.command("runs")))
    .description("list runs, the latest first")
    .argument("[repository]", "all of the server when left out")
    .option("--limit <count>", "at most so many; 100 when left out")
    .action(async (repository: string | undefined, options: { output: Output; limit?: string }) => {
      const { listLifecycleRuns } = await import("./run-lifecycle.ts");
      finish(await listLifecycleRuns(process.env, repository, options));
    });

  withOutput(withServer(lifecycle.command("show")))
    .description("show a run with each image that it lets go, and what became of it")
    .argument("<run>", "its number")
    .action(async (run: string, options: { output: Output }) => {
      const { showLifecycleRun } = await import("./run-lifecycle.ts");
      finish(await showLifecycleRun(process.env, run, options));
    });

  withOutput(lifecycle.command("schema"))
    .description("print the JSON Schema of a policy in Berth's own form")
    .action(async ({ output }: { output: Output }) => {
      const { printLifecycleSchema } = await import("./preview-lifecycle.ts");
      finish(await printLifecycleSchema(output));
    });
}

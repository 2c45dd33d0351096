import type { Command } from "commander";
import { withOutput, withServer } from "./flags.ts";
import type { PreviewFlags } from "./preview-lifecycle.ts";
import type { Output } from "./print-result.ts";

/** `berth lifecycle`: which images go by a policy, and why. */
export function describeLifecycle(program: Command, finish: (code: number) => void): void {
  const lifecycle = program
    .command("lifecycle")
    .description("say which images go by a policy, and why")
    .helpCommand(false);

  withOutput(withServer(lifecycle.command("preview")))
    .description("say what a policy would do, image by image; changes nothing")
    .argument("<repository>", "or a pattern, such as 'team/*'")
    .option("--file <path>", "a policy in Berth's, ECR's or Harbor's form, as YAML or JSON; - reads standard input")
    .option("--expired", "only what goes")
    .action(async (pattern: string, options: PreviewFlags) => {
      const { previewLifecycle } = await import("./preview-lifecycle.ts");
      finish(await previewLifecycle(process.env, pattern, options));
    });

  withOutput(lifecycle.command("schema"))
    .description("print the JSON Schema of a policy in Berth's own form")
    .action(async ({ output }: { output: Output }) => {
      const { printLifecycleSchema } = await import("./preview-lifecycle.ts");
      finish(await printLifecycleSchema(output));
    });
}

import type { Command } from "commander";
import { expect, test } from "vitest";
import { configSchema } from "../config.ts";
import { flagOf, listSettings } from "../lib/settings/index.ts";
import { expectGolden } from "../../tests/support/golden.ts";
import { settingFlags } from "./flags.ts";
import { describeNoun, describeProgram, nouns } from "./index.ts";
import type { Noun } from "./index.ts";

const unused = () => Promise.reject(new Error("help starts nothing"));
const program = describeProgram(
  {
    version: "0.0.0",
    startServer: unused,
    migrate: unused,
    collectNow: unused,
    previewNow: unused,
    explainNow: unused,
    inspectCollectionNow: unused,
    acknowledgeNow: unused,
    openTrail: unused,
    checkNow: unused,
    backupNow: unused,
    restoreNow: unused,
    adoptNow: unused,
    recoverOwnerNow: unused,
  },
  () => undefined,
);

for (const noun of Object.keys(nouns)) await describeNoun(program, noun as Noun, () => undefined);

function* commandsOf(command: Command): Generator<Command> {
  yield command;
  for (const sub of command.commands) yield* commandsOf(sub);
}

test("each command's help reads as its golden file says", async () => {
  const texts = [...commandsOf(program)].map((command) => {
    command.configureOutput({ getOutHelpWidth: () => 100 });
    return command.helpInformation();
  });
  await expectGolden("help.txt", texts.join("\n----\n\n"));
});

test("each flag is a setting of the schema, under the flag that error messages name", () => {
  const names = listSettings(configSchema).map(({ name }) => name);
  for (const [name, [flags]] of Object.entries(settingFlags)) {
    if (name !== "config") expect(names).toContain(name);
    expect(flags.split(" ")[0]).toBe(flagOf(name));
  }
});

test("each command that prints a result takes --output table, json and yaml", () => {
  // Others call these, and say what is to be printed; an export is JSON lines, whatever else.
  const protocols = ["credential-provider", "credential-helper", "export"];
  const printing = [...commandsOf(program)].filter(
    (command) => command.commands.length === 0 && !protocols.includes(command.name()),
  );
  for (const command of printing) {
    const choices = command.options.find(({ long }) => long === "--output")?.argChoices;
    expect([command.name(), choices]).toEqual([command.name(), ["table", "json", "yaml"]]);
  }
});

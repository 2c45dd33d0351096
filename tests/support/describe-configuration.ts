import { configSchema, variablePrefix } from "../../src/config.ts";
import { settingFlags } from "../../src/cli/flags.ts";
import { flagOf, listSettings, variableOf } from "../../src/lib/settings/index.ts";
import type { SettingEntry } from "../../src/lib/settings/index.ts";

const introduction = `# Configuration

<!-- Made from the schema in src/config.ts by \`npm run golden\`. -->

Nothing needs to be set: \`berth serve --open\` keeps its data in \`./data\` and listens to this machine. Settings come from
four places; each wins over those before it:

1. the defaults below;
2. a YAML file that \`--config\` or \`BERTH_CONFIG\` names;
3. variables of the environment: \`BERTH_\` and the setting's name in upper case, with \`_\` between words
   (\`collection.pin\` is \`BERTH_COLLECTION_PIN\`); an empty variable counts as not set, lists take commas;
4. flags of the command line, for those settings that have one.

\`berth config\` prints what is in effect and where each value comes from, with secrets masked. A key that is not known
is an error that names the file, the line and the nearest key. \`berth config --schema\` prints a JSON Schema for editors:

    berth config --schema > berth.schema.json

    # yaml-language-server: $schema=berth.schema.json
    listen: 127.0.0.1:5000
    data: /var/lib/berth
    storage: s3://bucket/prefix?endpoint=https://s3.example.com&region=eu-central-1
    storageCredentials:
      accessKeyIdFile: /run/secrets/s3-key-id
      secretAccessKeyFile: /run/secrets/s3-key
    collection:
      pin: 12h

Durations are numbers with \`ms\`, \`s\`, \`m\`, \`h\` or \`d\` (\`90s\`, \`1h30m\`); sizes are bytes or numbers with \`KiB\`, \`MiB\`,
\`GiB\` (powers of 1024) or \`KB\`, \`MB\`, \`GB\` (powers of 1000). Relative paths count from the directory in which Berth is
started. A setting whose name ends in \`File\` is the path of a file that holds the setting without \`File\`, so that secrets
stay out of the environment and of the command line.
`;

/** The text of `docs/configuration.md`. */
export function describeConfiguration(): string {
  const entries = listSettings(configSchema);
  const single = entries.filter(({ name, kind }) => kind !== "group" && !name.includes("."));
  const sections = entries
    .filter(({ kind }) => kind === "group")
    .map((group) => {
      const members = entries.filter(({ name, kind }) => kind !== "group" && name.startsWith(`${group.name}.`));
      return `## ${group.name}\n\n${group.about}\n\n${describeTable(members)}`;
    });
  return [introduction, `## General\n\n${describeTable(single)}`, ...sections].join("\n");
}

function describeTable(entries: readonly SettingEntry[]): string {
  const rows = entries.map((entry) => {
    const flag = entry.name in settingFlags ? ` \`${flagOf(entry.name)}\`` : "";
    const { standard, choices } = entry;
    const shown = Array.isArray(standard)
      ? standard.join(", ")
      : typeof standard === "string"
        ? standard
        : JSON.stringify(standard ?? "").replaceAll('"', "");
    const about =
      choices === undefined ? entry.about : `${entry.about} One of ${choices.map((c) => `\`${c}\``).join(", ")}.`;
    return `| \`${entry.name}\` | \`${variablePrefix}${variableOf(entry.name)}\`${flag} | ${shown === "" ? "" : `\`${shown}\``} | ${about} |`;
  });
  return `| setting | variable, flag | default | |\n|---|---|---|---|\n${rows.join("\n")}\n`;
}

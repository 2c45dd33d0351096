import { usageError } from "./command-error.ts";
import { parsePlace } from "./parse-scope.ts";
import { parseSetting } from "./parse-setting.ts";
import type { Spread, Verb } from "./verb.ts";

/** Whose settings. */
const settingPlace: Spread = {
  about: "team/ is a namespace, / the root, team/app a repository",
  fields: ["path", "name"],
  read: (text) => {
    const { namespace, repository, tag } = parsePlace(text);
    if (tag !== undefined) throw usageError("settings are of a namespace or repository: leave the tag out");
    return repository === undefined ? { path: namespace } : { name: repository };
  },
};

/** Whose templates. */
const templatePlace: Spread = {
  about: "the namespace, such as team/; / is the root",
  fields: ["path"],
  read: (text) => ({ path: text.replace(/\/$/, "") }),
};

const templateColumns = ["name", "pattern", "settings", "changedAt"];

/** `berth settings …` */
export const settingVerbs: Readonly<Record<string, Verb>> = {
  show: {
    endpoint: "showNamespaceSettings",
    orElse: { field: "name", endpoint: "showRepositorySettings" },
    about: "show what holds in a namespace or repository, and where each setting comes from",
    args: ["place"],
    spread: { place: settingPlace },
    columns: ["key", "value", "from", "enforced", "also", "overridden"],
  },
  set: {
    endpoint: "changeNamespaceSettings",
    orElse: { field: "name", endpoint: "changeRepositorySettings" },
    about: "change a setting of a namespace, and so of all below it, or of a repository",
    args: ["place", "setting"],
    spread: {
      place: settingPlace,
      setting: {
        about:
          'key=value: visibility=public, "tagOverwrite=refuse except latest,dev-*"; JSON for what words cannot say',
        optional: true,
        fields: ["set"],
        read: (text) => ({ set: parseSetting(text) }),
      },
    },
    omit: ["unset"],
    columns: ["key", "value", "from", "enforced", "overrides"],
  },
  unset: {
    endpoint: "changeNamespaceSettings",
    orElse: { field: "name", endpoint: "changeRepositorySettings" },
    about: "let settings be inherited again",
    args: ["place", "keys"],
    spread: {
      place: settingPlace,
      keys: { about: "with commas between", fields: ["unset"], read: (text) => ({ unset: text.split(",") }) },
    },
    omit: ["set", "enforce", "relax"],
    columns: ["key", "value", "from", "enforced"],
  },
  "template list": {
    endpoint: "listTemplates",
    args: ["namespace"],
    spread: { namespace: templatePlace },
    columns: templateColumns,
  },
  "template show": { endpoint: "getTemplate", args: ["namespace", "template"], spread: { namespace: templatePlace } },
  "template set": {
    endpoint: "putTemplate",
    about: "say what repositories begin with whose names match; what the template said before is gone",
    args: ["namespace", "template", "pattern"],
    spread: { namespace: templatePlace },
    flags: {
      settings: {
        flags: ["--set <setting>"],
        about: 'key=value, several times: visibility=public, "tagOverwrite=refuse except latest"',
        several: true,
        read: (given) => Object.assign({}, ...(given as readonly string[]).map(parseSetting)) as object,
      },
    },
  },
  "template delete": {
    endpoint: "deleteTemplate",
    args: ["namespace", "template"],
    spread: { namespace: templatePlace },
  },
};

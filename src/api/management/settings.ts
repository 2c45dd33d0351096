import type { BodyOf, settingEndpoints } from "../../contract/index.ts";
import { changeSettings, describeIdleConfiguration, inspectSettings } from "../../registry/index.ts";
import type { InspectedSettings, SettingsChange } from "../../registry/index.ts";
import type { HandlersOf } from "./call.ts";

export const settingHandlers: HandlersOf<typeof settingEndpoints> = {
  async showNamespaceSettings({ management: { registry, ecrAccountsOf }, caller, parameters: { path } }) {
    const answer = reply(await inspectSettings(registry, caller, { namespace: path }));
    return { ...answer, warnings: await describeIdleConfiguration(registry, path, ecrAccountsOf(path)) };
  },
  async changeNamespaceSettings({ management: { registry }, caller, parameters: { path }, body, versions }) {
    return reply(await changeSettings(registry, caller, { namespace: path }, changeOf(body), versions));
  },
  async showRepositorySettings({ management: { registry }, caller, parameters: { name } }) {
    return reply(await inspectSettings(registry, caller, { repository: name }));
  },
  async changeRepositorySettings({ management: { registry }, caller, parameters: { name }, body, versions }) {
    return reply(await changeSettings(registry, caller, { repository: name }, changeOf(body), versions));
  },
};

function changeOf(body: BodyOf<(typeof settingEndpoints)["changeNamespaceSettings"]>): SettingsChange {
  const { set = {}, unset = [], enforce = [], relax = [] } = body;
  return { set, unset, enforce, relax };
}

function reply({ settings, version }: InspectedSettings) {
  const items = settings.map(({ also, overridden, overrides, ...setting }) => ({
    ...setting,
    also: [...also],
    overridden: [...overridden],
    overrides: [...overrides],
  }));
  return { body: { items }, version };
}

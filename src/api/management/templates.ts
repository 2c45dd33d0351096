import type { templateEndpoints } from "../../contract/index.ts";
import { deleteTemplate, inspectTemplate, listTemplates, putTemplate } from "../../registry/index.ts";
import type { DescribedTemplate } from "../../registry/index.ts";
import type { HandlersOf } from "./call.ts";
import { timeOf } from "./page.ts";

export const templateHandlers: HandlersOf<typeof templateEndpoints> = {
  async listTemplates({ management: { registry }, caller, parameters: { path } }) {
    return { body: { items: (await listTemplates(registry, caller, path)).map(show) } };
  },
  async getTemplate({ management: { registry }, caller, parameters: { path, template } }) {
    return reply(await inspectTemplate(registry, caller, { namespace: path, name: template }));
  },
  async putTemplate({ management: { registry }, caller, parameters: { path, template }, body, versions }) {
    return reply(await putTemplate(registry, caller, { ...body, namespace: path, name: template }, versions));
  },
  async deleteTemplate({ management: { registry }, caller, parameters: { path, template }, versions }) {
    await deleteTemplate(registry, caller, { namespace: path, name: template }, versions);
    return { body: undefined };
  },
};

function reply(found: DescribedTemplate) {
  return { body: show(found), version: found.version };
}

function show({ name, pattern, settings, changedAt }: DescribedTemplate) {
  return { name, pattern, settings: { ...settings }, changedAt: timeOf(changedAt) };
}

import { apiPrefix } from "../../contract/index.ts";
import type { repositoryEndpoints } from "../../contract/index.ts";
import type { RepositoryName } from "../../oci/index.ts";
import {
  createRepository,
  deleteRepository,
  describeRepositories,
  inspectRepository,
  renameRepository,
  updateRepository,
} from "../../registry/index.ts";
import type { DescribedRepository, InspectedRepository } from "../../registry/index.ts";
import type { Call, HandlersOf } from "./call.ts";
import { answerPage, findTime, timeOf } from "./page.ts";

type Asking = Pick<Call<never>, "management" | "caller">;

export const repositoryHandlers: HandlersOf<typeof repositoryEndpoints> = {
  async listRepositories({ management: { registry }, caller, query }) {
    const read = ({ after, limit }: { readonly after: string | undefined; readonly limit: number }) =>
      describeRepositories(registry, caller, after ?? "", limit);
    return { body: await answerPage(query, read, ({ name }) => name, summary) };
  },
  async createRepository({ management, caller, body, once }) {
    const name = body.name;
    const { registry } = management;
    const { replayed } = await createRepository(registry, caller, name, body.visibility, once);
    return {
      ...(await replyRepository({ management, caller }, name)),
      replayed,
      location: `${apiPrefix}/repositories/${name}`,
    };
  },
  async getRepository({ management, caller, parameters }) {
    return replyRepository({ management, caller }, parameters.name);
  },
  async updateRepository({ management, caller, parameters, body, versions }) {
    const name = parameters.name;
    await updateRepository(management.registry, caller, name, body.visibility, versions);
    return replyRepository({ management, caller }, name);
  },
  async renameRepository({ management, caller, parameters, body, versions }) {
    const to = body.to;
    const { warnings } = await renameRepository(management.registry, caller, parameters.name, to, versions, body.force);
    return { ...(await replyRepository({ management, caller }, to)), warnings };
  },
  async deleteRepository({ management: { registry }, caller, parameters, query, versions }) {
    const { warnings } = await deleteRepository(registry, caller, parameters.name, versions, query);
    return { body: undefined, warnings };
  },
};

/** The answer that shows a repository. */
export async function replyRepository({ management: { registry }, caller }: Asking, name: RepositoryName) {
  const found = await inspectRepository(registry, caller, name);
  return { body: show(found), version: found.version };
}

function summary({ createdAt, pushedAt, ...repository }: DescribedRepository) {
  return { ...repository, createdAt: timeOf(createdAt), pushedAt: findTime(pushedAt) };
}

function show(repository: InspectedRepository) {
  return { ...repository, ...summary(repository), pulledAt: findTime(repository.pulledAt) };
}

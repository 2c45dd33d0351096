import { z } from "zod";
import type { Endpoints } from "./endpoint.ts";
import { id, pageOf, pageQuery, plainName, time } from "./texts.ts";

export const group = z
  .object({
    id,
    name: z.string(),
    source: z.string().meta({ description: "`local`, or the identity provider that fills it" }),
    createdAt: time,
  })
  .meta({ id: "Group" });

export const member = z
  .object({
    user: z.string(),
    source: z.string().meta({ description: "Who says so: `local`, or an identity provider" }),
  })
  .meta({ id: "Member" });

const parameters = z.strictObject({ group: plainName });
const auth = { place: "root", action: "manage-access" } as const;

export const groupEndpoints = {
  listGroups: {
    method: "GET",
    path: "/groups",
    tag: "groups",
    summary: "List groups by name",
    auth,
    query: z.strictObject(pageQuery),
    answer: pageOf(group),
    status: 200,
    errors: [],
  },
  createGroup: {
    method: "POST",
    path: "/groups",
    tag: "groups",
    summary: "Make a group",
    about: "Only an owner of the server changes groups and their members.",
    auth,
    body: z.strictObject({ name: plainName }),
    answer: group,
    status: 201,
    errors: ["CONFLICT"],
    once: true,
  },
  getGroup: {
    method: "GET",
    path: "/groups/{group}",
    tag: "groups",
    summary: "Show a group",
    auth,
    parameters,
    answer: group,
    status: 200,
    errors: ["NOT_FOUND"],
  },
  updateGroup: {
    method: "PATCH",
    path: "/groups/{group}",
    tag: "groups",
    summary: "Rename a group",
    about: "Its members and grants stay.",
    auth,
    parameters,
    body: z.strictObject({ name: plainName }),
    answer: group,
    status: 200,
    errors: ["NOT_FOUND", "CONFLICT"],
    conditional: true,
  },
  deleteGroup: {
    method: "DELETE",
    path: "/groups/{group}",
    tag: "groups",
    summary: "Delete a group with the grants to it",
    auth,
    parameters,
    status: 204,
    errors: ["NOT_FOUND", "CONFLICT"],
    conditional: true,
  },
  listMembers: {
    method: "GET",
    path: "/groups/{group}/members",
    tag: "groups",
    summary: "List the members of a group by name",
    auth,
    parameters,
    query: z.strictObject(pageQuery),
    answer: pageOf(member),
    status: 200,
    errors: ["NOT_FOUND"],
  },
  addMember: {
    method: "PUT",
    path: "/groups/{group}/members/{user}",
    tag: "groups",
    summary: "Put a user into a group",
    auth,
    parameters: parameters.extend({ user: plainName }),
    status: 204,
    errors: ["NOT_FOUND"],
  },
  removeMember: {
    method: "DELETE",
    path: "/groups/{group}/members/{user}",
    tag: "groups",
    summary: "Take a user out of a group",
    about: "What an identity provider says is changed there.",
    auth,
    parameters: parameters.extend({ user: plainName }),
    status: 204,
    errors: ["NOT_FOUND", "CONFLICT"],
  },
} as const satisfies Endpoints;

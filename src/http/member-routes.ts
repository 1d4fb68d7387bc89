import * as z from 'zod';
import { PushError } from '../errors.ts';
import { plainMemberSchema } from '../messages/parse.ts';
import { attributesSchema, MAX_ATTRIBUTES_BYTES } from '../model/member.ts';
import { makeRoute, type Route } from './route.ts';

const path = '/members/{memberId}';

const params = z.object({ memberId: plainMemberSchema });

const record = z.object({
  memberId: z.string(),
  attributes: z.record(z.string(), z.unknown()),
  problem: z.string().nullable().describe('why the attributes in the table cannot be read'),
});

/*
 * An app's own token, which the scope `devices` is for, may be known to the app's users. So it neither reads nor writes what is
 * known about members: attributes become text of other people's pushes.
 */

const set = makeRoute({
  method: 'PUT',
  path,
  summary: 'Set the attributes of a member, in the place of those that it has.',
  scope: 'send',
  params,
  body: z.strictObject({ attributes: attributesSchema }, { error: 'no such field' }),
  // Callers may indent their JSON.
  maxBodyBytes: 4 * MAX_ATTRIBUTES_BYTES,
  replies: { 204: { description: 'The attributes are set.', body: null } },
  async run({ store }, { params: { memberId }, body: { attributes } }) {
    await store.setMember(memberId, attributes);
    return { status: 204, body: null };
  },
});

const show = makeRoute({
  method: 'GET',
  path,
  summary: 'The attributes of a member.',
  scope: 'send',
  params,
  replies: { 200: { description: 'The member.', body: record } },
  async run({ store }, { params: { memberId } }) {
    const member = await store.fetchMember(memberId);
    if (member === null) throw noSuchMember(memberId);
    return { status: 200, body: { memberId, ...member } };
  },
});

const remove = makeRoute({
  method: 'DELETE',
  path,
  summary: 'Delete the attributes of a member; its devices stay.',
  scope: 'send',
  params,
  replies: { 204: { description: 'The member has no attributes any more.', body: null } },
  async run({ store }, { params: { memberId } }) {
    if (await store.removeMember(memberId)) return { status: 204, body: null };
    throw noSuchMember(memberId);
  },
});

function noSuchMember(memberId: string): PushError {
  const got = `${memberId.length} characters`;
  return PushError.of('NO_SUCH_MEMBER', [{ field: 'memberId', expected: 'a member with attributes', got }]);
}

export const MEMBER_ROUTES: readonly Route[] = [set, show, remove];

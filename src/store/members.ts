import type { Attributes, MemberRecord } from '../model/member.ts';

/** Members: the owners of devices, by the team's own ids. A device may have a member that is not known here. */
export interface Members {
  /**
   * The attributes of members, by id. A member that is not known is absent, and so is one whose row cannot be read: another hand
   * may have written it.
   */
  fetchMembers(memberIds: readonly string[]): Promise<Map<string, Attributes>>;
  /** Null if the member is not known. */
  fetchMember(memberId: string): Promise<MemberRecord | null>;
  /** Adds a member, or puts these attributes in the place of those it has. PushError('BAD_INPUT'). */
  setMember(memberId: string, attributes: Attributes): Promise<void>;
  /** Deletes a member, not its devices; false if it is not known. */
  removeMember(memberId: string): Promise<boolean>;
}

import type { Announcement } from '../model/announcement.ts';

/** `describeEdits` says what was edited in an announcement's row without effect, and how the edits would count; or nothing. */
export function describeEdits({
  announcementId,
  edited,
  approvedBy = null,
}: Pick<Announcement, 'announcementId' | 'edited' | 'approvedBy'>): string[] {
  if (edited.length === 0) return [];
  const names = edited.join(', ');
  if (approvedBy !== null) {
    return [
      `edited since its approval, without effect: ${names}; ` +
        `\`baton approve ${announcementId}\` by a second person approves it as edited, unless it is running`,
    ];
  }
  return [
    `edited since its start, without effect: ${names}; ` +
      `\`baton resume ${announcementId} --accept-edits\` sends the rest as edited, once it is paused or has failed`,
  ];
}

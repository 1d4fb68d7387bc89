import { MAX_TICK_AGE_MS } from '../../model/tick.ts';

/** The second half of the dashboard's script, plain JavaScript for browsers: what it asks for, when, and what its buttons do. */
export const DASHBOARD_SCRIPT = `
const POLL_MS = 2000;
const OLD_MS = 7000;
const DEVICES_MS = 60000;
const LATE_TICK_MS = ${MAX_TICK_AGE_MS};
const RATE_MS = 10000;
const MAX_SAMPLES = 60;

let state = null;
let answeredAt = 0;
let historyKey = null;
let past = [];
let hasOlder = false;
let timer = 0;
let devicesAt = 0;
let isAsking = false;
let drawnPast = '';
const samples = new Map();

/* Asks for JSON. A session that has ended leads to the page that asks for a token. */
const ask = async (path) => {
  const reply = await fetch(page.base + path, { signal: AbortSignal.timeout(30000) });
  if (reply.status === 401) {
    location.reload();
    return new Promise(() => {});
  }
  if (!reply.ok) throw new Error('answered with ' + reply.status);
  return reply.json();
};

const rateOf = (first, last) => (last.at > first.at ? Math.max(0, ((last.sent - first.sent) / (last.at - first.at)) * 60000) : 0);

/* The pace of an announcement, from what it had sent at the latest polls. */
const paceOf = (row) => {
  const own = samples.get(row.announcementId) || [];
  const last = own.at(-1);
  const first = own.find(({ at }) => last && last.at - at <= RATE_MS);
  if (!last || first === last || row.status !== 'running') return { perMinute: null, leftMs: null, rates: [] };
  const perMinute = rateOf(first, last);
  const rates = own.slice(1).map((sample, nth) => rateOf(own[Math.max(0, nth - 1)], sample));
  return { perMinute, rates, leftMs: perMinute > 0 ? (row.balance.unsent / perMinute) * 60000 : null };
};

const keepSamples = () => {
  const ids = new Set(state.current.map(({ announcementId }) => announcementId));
  for (const id of samples.keys()) if (!ids.has(id)) samples.delete(id);
  for (const { announcementId, balance } of state.current) {
    if (balance) samples.set(announcementId, [...(samples.get(announcementId) || []), { at: state.at, sent: sentOf(balance) }].slice(-MAX_SAMPLES));
  }
};

const draw = () => {
  const now = state.at;
  const paces = new Map(state.current.map((row) => [row.announcementId, paceOf(row)]));
  show('now', state.current.map((row) => card(row, paces.get(row.announcementId), state.sources.find(({ source }) => source === row.source), now)));
  show('scheduled', state.scheduled.map((row) => dueRow(row, now)));
  show('sources', state.sources.map((source) => sourceRow(source, state.current.reduce((sum, row) => sum + (row.source === source.source ? paces.get(row.announcementId).perMinute || 0 : 0), 0))));
};

const drawPast = () => {
  const elsewhere = new Set([...state.current, ...state.scheduled].map(({ announcementId }) => announcementId));
  const wanted = [historyKey, past.length, hasOlder, date.format(state.at), ...elsewhere].join();
  // A thousand rows are not made anew every other second.
  if (wanted === drawnPast) return;
  drawnPast = wanted;
  show('earlier', past.filter(({ announcementId }) => !elsewhere.has(announcementId)).map((row) => pastRow(row, state.at)));
  find('earlier-empty').hidden = past.length > 0;
  find('older').hidden = !hasOlder;
};

const warn = () => {
  const age = state.tickAgeMs;
  const late = age === null ? 'The schedule has never run: nothing that is due starts by itself.' :
    age > LATE_TICK_MS ? 'The schedule has not run for ' + spanOf(age) + ': nothing that is due starts, and nothing that has stalled goes on.' : '';
  const text = [late, ...state.checks].filter((line) => line !== '').join('\\n');
  const warning = find('warning');
  if (warning.textContent !== text) warning.textContent = text;
  warning.hidden = text === '';
};

const setFresh = (kind, text) => {
  const fresh = find('fresh');
  fresh.className = 'fresh ' + kind;
  document.body.classList.toggle('old', kind === 'late');
  if (fresh.textContent !== text) fresh.textContent = text;
};

const checkAge = () => {
  if (document.hidden || answeredAt === 0) return;
  if (Date.now() - answeredAt > OLD_MS) setFresh('late', 'No answer since ' + clock.format(answeredAt));
  else setFresh('live', 'Live');
};

/* The first page of the history takes the place of its rows; older ones, which no longer change, stay. */
const askHistory = async (before) => {
  const { announcements } = await ask('/dashboard/history.json' + (before ? '?before=' + before : ''));
  const lastId = announcements.length ? announcements.at(-1).announcementId : 0;
  const older = past.filter(({ announcementId }) => announcementId < lastId);
  if (before || older.length === 0) hasOlder = announcements.length >= 25;
  past = before ? [...past, ...announcements] : [...announcements, ...older];
};

const askDevices = async () => {
  devicesAt = Infinity;
  try {
    const devices = await ask('/dashboard/devices.json');
    show('devices', [deviceRow(devices)]);
    // Counting takes at most a hundredth of the database's time.
    devicesAt = Date.now() + Math.max(DEVICES_MS, 100 * devices.tookMs);
  } catch {
    devicesAt = Date.now() + 10 * DEVICES_MS;
  }
};

const poll = async () => {
  if (isAsking) return;
  clearTimeout(timer);
  isAsking = true;
  try {
    state = await ask('/dashboard/state.json');
    answeredAt = Date.now();
    keepSamples();
    draw();
    warn();
    if (historyKey !== state.history) {
      const { history } = state;
      await askHistory();
      historyKey = history;
    }
    drawPast();
    if (Date.now() > devicesAt) askDevices();
  } catch {
    // The age of the data says it.
    if (answeredAt === 0) setFresh('late', 'No answer');
  }
  isAsking = false;
  checkAge();
  if (!document.hidden) timer = setTimeout(poll, POLL_MS);
};

const TEXTS = {
  pause: () => 'What is in flight arrives; nothing else is sent until somebody resumes it.',
  resume: (b, row) => row.startedAt === null ? 'It starts at the next tick of the schedule, with its audience as it is now.' : 'Sending goes on where it stopped, from the next tick of the schedule on.',
  approve: () => 'It is sent exactly as its row is now, from the next tick of the schedule on. A person who has made it or asked for its start cannot approve it.',
  cancel: (b) => 'It ends permanently.' + (b ? ' ' + n(b.unsent) + ' pushes are not sent.' : ''),
};
const DONE = { pause: 'paused', resume: 'resumed', approve: 'approved', cancel: 'cancelled' };
const dialog = find('confirm');
let asked = null;

const openDialog = (row, move) => {
  asked = { row, move };
  find('confirm-title').textContent = NAMES[move] + ' announcement ' + row.announcementId + '?';
  find('confirm-name').textContent = row.title;
  find('confirm-text').textContent = TEXTS[move](row.balance, row);
  find('accepts').hidden = move !== 'resume' || row.startedAt === null;
  find('accept-gone').hidden = row.status !== 'failed';
  for (const id of ['accept-edits', 'accept-unregistered']) find(id).checked = false;
  find('confirm-problem').textContent = '';
  find('yes').textContent = NAMES[move] + ' it';
  find('yes').className = move === 'cancel' ? 'danger' : 'primary';
  find('yes').disabled = false;
  dialog.showModal();
  find('back').focus();
};

const carryOut = async () => {
  const { row, move } = asked;
  const accepts = { acceptEdits: find('accept-edits').checked, acceptUnregistered: find('accept-unregistered').checked };
  find('yes').disabled = true;
  find('confirm-problem').textContent = '';
  try {
    const reply = await fetch(page.base + '/announcements/' + row.announcementId + '/' + move, {
      method: 'POST',
      headers: { 'content-type': 'application/json', [page.keyHeader]: page.key },
      body: move === 'resume' ? JSON.stringify(accepts) : null,
      signal: AbortSignal.timeout(30000),
    });
    if (reply.status === 401) return location.reload();
    if (!reply.ok) throw new Error((await reply.json().catch(() => ({}))).detail || 'answered with ' + reply.status);
    find('said').textContent = 'Announcement ' + row.announcementId + ' is ' + DONE[move] + '.';
    dialog.close();
    poll();
  } catch (error) {
    find('confirm-problem').textContent = 'Not done: ' + error.message;
    find('yes').disabled = false;
  }
};

document.addEventListener('click', (event) => {
  const button = event.target.closest('[data-move]');
  if (!button) return;
  const row = [...state.current, ...state.scheduled, ...past].find(({ announcementId }) => String(announcementId) === button.dataset.id);
  if (row) openDialog(row, button.dataset.move);
});
find('back').addEventListener('click', () => dialog.close());
find('yes').addEventListener('click', carryOut);
find('older').addEventListener('click', async (event) => {
  event.target.disabled = true;
  await askHistory(past.at(-1).announcementId).then(drawPast, () => {});
  event.target.disabled = false;
});
find('out').addEventListener('click', async () => {
  try {
    await fetch(page.base + '/dashboard/logout', { method: 'POST' });
  } finally {
    location.reload();
  }
});
document.addEventListener('visibilitychange', () => {
  clearTimeout(timer);
  if (document.hidden) setFresh('still', 'Waits while hidden');
  else poll();
});
setInterval(checkAge, 1000);
poll();
`;

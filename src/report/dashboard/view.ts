/**
 * The first half of the dashboard's script, plain JavaScript for browsers: how numbers, times and rows look. Whatever comes from
 * the API becomes text nodes and attributes, and never markup.
 */
export const DASHBOARD_VIEW = `
const page = document.body.dataset;
const maySend = page.maySend === 'yes';
const find = (id) => document.getElementById(id);

const numbers = new Intl.NumberFormat('en');
const n = (value) => numbers.format(Math.round(value));
const percent = (part, whole) => (whole === 0 ? '100' : (Math.floor((part / whole) * 1000) / 10).toFixed(1)) + '%';
const clock = new Intl.DateTimeFormat('en', { hour: '2-digit', minute: '2-digit', second: '2-digit', hourCycle: 'h23' });
const minute = new Intl.DateTimeFormat('en', { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' });
const day = new Intl.DateTimeFormat('en', { day: 'numeric', month: 'short' });
const date = new Intl.DateTimeFormat('en', { day: 'numeric', month: 'short', year: 'numeric' });

const timeOf = (ms, now) => {
  const isThisYear = new Date(ms).getFullYear() === new Date(now).getFullYear();
  const on = date.format(ms) === date.format(now) ? '' : (isThisYear ? day : date).format(ms) + ', ';
  return on + minute.format(ms);
};

const spanOf = (ms) => {
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds < 60) return seconds + ' s';
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return minutes + ' min' + (seconds % 60 ? ' ' + (seconds % 60) + ' s' : '');
  const hours = Math.floor(minutes / 60);
  if (hours < 48) return hours + ' h' + (minutes % 60 ? ' ' + (minutes % 60) + ' min' : '');
  return Math.round(hours / 24) + ' days';
};

const SVG = 'http://www.w3.org/2000/svg';
const h = (name, attributes, ...children) => {
  const isSvg = name === 'svg' || name === 'polyline';
  const node = isSvg ? document.createElementNS(SVG, name) : document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value !== null && value !== undefined) node.setAttribute(key, value);
  }
  node.append(...children.flat().filter((child) => child !== null && child !== ''));
  return node;
};

/* Makes one node like another, and keeps what is the same: focus, selection and transitions stay. */
const morph = (node, like) => {
  for (const { name } of [...node.attributes]) {
    if (name !== 'style' && !like.hasAttribute(name)) node.removeAttribute(name);
  }
  for (const { name, value } of like.attributes) {
    if (node.getAttribute(name) !== value) node.setAttribute(name, value);
  }
  const wanted = [...like.childNodes];
  wanted.forEach((child, nth) => {
    const own = node.childNodes[nth];
    if (!own) node.append(child);
    else if (own.nodeName !== child.nodeName) own.replaceWith(child);
    else if (child.nodeType === Node.TEXT_NODE) {
      if (own.data !== child.data) own.data = child.data;
    } else morph(own, child);
  });
  while (node.childNodes.length > wanted.length) node.lastChild.remove();
};

/* Shows rows in a list. A row keeps its node for as long as it has the same key. */
const show = (id, rows) => {
  const list = find(id);
  const own = new Map([...list.children].map((child) => [child.dataset.row, child]));
  rows.forEach((row, nth) => {
    const kept = own.get(row.dataset.row);
    own.delete(row.dataset.row);
    if (kept) morph(kept, row);
    const node = kept || row;
    if (list.children[nth] !== node) list.insertBefore(node, list.children[nth] || null);
  });
  for (const node of own.values()) node.remove();
  // The policy of the page allows no style in an attribute.
  for (const part of list.querySelectorAll('[data-share]')) part.style.width = part.dataset.share + '%';
  list.hidden = rows.length === 0;
  find(id + '-empty').hidden = rows.length > 0;
};

const chip = (status) => h('span', { class: 'chip ' + status }, status);

const bar = (parts, whole, label) =>
  h('div', { class: 'bar', role: 'img', 'aria-label': label },
    parts.map(([name, value]) =>
      h('span', { class: 'part ' + name, 'data-share': whole === 0 ? 0 : Math.min(100, (100 * value) / whole) })));

const sentOf = (b) => b.audience - b.excluded - b.unsent;
const MOVES = { pause: ['running'], resume: ['paused', 'failed'], cancel: ['draft', 'scheduled', 'running', 'paused', 'failed'] };
const NAMES = { pause: 'Pause', approve: 'Approve', resume: 'Resume', cancel: 'Cancel' };
const canMove = (row, move) => maySend && (move === 'approve' ? row.waitsForApproval : MOVES[move].includes(row.status) && !(move === 'resume' && row.waitsForApproval));

const actions = (row) => {
  const name = row.announcementId + ', ' + (row.title || 'without a title');
  const buttons = Object.keys(NAMES).filter((move) => canMove(row, move)).map((move) =>
    h('button', { type: 'button', class: move, 'data-move': move, 'data-id': row.announcementId, 'aria-label': NAMES[move] + ' announcement ' + name }, NAMES[move]));
  const report = row.startedAt === null ? null :
    h('a', { href: page.base + '/announcements/' + row.announcementId + '/report', 'aria-label': 'Report of announcement ' + name }, 'Report');
  return h('p', { class: 'actions' }, report, buttons);
};

const heading = (row) => h('h3', { class: 'title', dir: 'auto' }, row.title || 'Without a title');

const receiptsOf = ({ receipts }) => receipts && 'received by ' + n(receipts.delivered) + ', opened by ' + n(receipts.opened);

const about = (row, ...more) => {
  const facts = ['#' + row.announcementId, row.source, row.audience === 'messages' ? 'mailing' : null, row.dryRun ? 'dry run' : null, ...more, receiptsOf(row)];
  return h('p', { class: 'about' }, facts.filter((fact) => fact).map((fact) => h('span', {}, fact)));
};

const edits = (row) => row.edited.length === 0 ? null : h('p', { class: 'reason' }, 'Edited without effect: ' + row.edited.join(', '));

const PARTS = ['delivered', 'unregistered', 'rejected', 'unknown'];

const balanceOf = (b) =>
  h('dl', { class: 'balance' }, [...PARTS, 'unsent', 'excluded'].filter((name) => b[name] > 0 || name === 'delivered').map((name) =>
    h('div', {}, h('dt', { class: name }, name === 'unsent' ? 'to send' : name), h('dd', {}, n(b[name])))));

const spark = (rates) => {
  if (rates.length < 3) return null;
  const top = Math.max(...rates, 1);
  const points = rates.map((rate, nth) => ((120 * nth) / (rates.length - 1)).toFixed(1) + ',' + (27 - (25 * rate) / top).toFixed(1));
  return h('svg', { class: 'spark', viewBox: '0 0 120 28', preserveAspectRatio: 'none', 'aria-hidden': 'true' }, h('polyline', { points: points.join(' ') }));
};

/* An announcement that runs, is paused, or failed a little while ago. */
const card = (row, pace, source, now) => {
  const b = row.balance;
  const isHeld = row.status === 'running' && source && (source.state === 'throttled' || source.state === 'down');
  const waits = isHeld ? 'Waits: ' + (source.reason || 'source ' + source.source + ' is ' + source.state) + (source.until === null ? '' : ', until ' + clock.format(source.until)) : row.statusReason;
  const began = row.startedAt === null ? null : 'started ' + timeOf(row.startedAt, now);
  const sent = b && sentOf(b);
  const whole = b && b.audience - b.excluded;
  return h('li', { class: 'card ' + row.status, 'data-row': row.announcementId },
    h('div', { class: 'head' }, chip(row.status), heading(row), actions(row)),
    about(row, began),
    waits ? h('p', { class: 'reason' }, waits) : null,
    edits(row),
    b ? h('div', { class: 'flow' },
      h('p', { class: 'big' }, h('strong', {}, n(sent)), ' of ' + n(whole) + ' sent', h('span', { class: 'share' }, percent(sent, whole))),
      row.status === 'running' ? h('p', { class: 'pace' }, spark(pace.rates),
        h('span', {}, pace.perMinute === null ? '' : n(pace.perMinute) + ' a minute' + (pace.leftMs === null ? '' : ', ' + spanOf(pace.leftMs) + ' left'))) : null) : null,
    b ? bar(PARTS.map((name) => [name, b[name]]), whole, percent(sent, whole) + ' sent') : null,
    b ? balanceOf(b) : null);
};

const dueRow = (row, now) => {
  const inMs = row.publishAt === null ? 0 : row.publishAt - now;
  const when = inMs >= 0 ? 'in ' + spanOf(inMs) : 'due since ' + spanOf(-inMs);
  return h('li', { class: 'line', 'data-row': row.announcementId },
    h('p', { class: 'when' }, h('strong', {}, row.publishAt === null ? 'at once' : timeOf(row.publishAt, now)), h('span', { class: inMs < -60000 ? 'late' : null }, when)),
    h('div', { class: 'what' }, heading(row), about(row), edits(row)), actions(row));
};

const pastRow = (row, now) => {
  const b = row.balance;
  const at = row.finishedAt || row.startedAt || row.publishAt;
  const took = row.startedAt !== null && row.finishedAt !== null ? 'took ' + spanOf(row.finishedAt - row.startedAt) : null;
  return h('li', { class: 'line', 'data-row': row.announcementId },
    h('p', { class: 'when' }, chip(row.status), h('span', {}, at === null ? '' : timeOf(at, now))),
    h('div', { class: 'what' }, heading(row), about(row, took), row.statusReason ? h('p', { class: 'reason' }, row.statusReason) : null, edits(row),
      b ? h('p', { class: 'reach' }, h('strong', {}, n(b.delivered)), ' of ' + n(b.audience) + ' reached', h('span', { class: 'share' }, percent(b.delivered, b.audience))) : null),
    actions(row));
};

const STATES = { idle: 'idle', sending: 'sending', ramping: 'ramping up', throttled: 'throttled', down: 'FCM is down' };

const sourceRow = (source, perMinute) =>
  h('li', { class: 'fact ' + source.state, 'data-row': source.source },
    h('p', { class: 'pair' }, h('strong', {}, source.source), h('span', { class: 'state ' + source.state }, STATES[source.state])),
    bar([['delivered', perMinute]], source.perMinute, n(perMinute) + ' of ' + n(source.perMinute) + ' a minute'),
    h('p', { class: 'small' }, n(perMinute) + ' of ' + n(source.perMinute) + ' a minute'),
    source.answerMs === null ? null : h('p', { class: 'small' }, 'FCM answers in ' + n(source.answerMs) + ' ms'),
    source.reason || source.state === 'throttled' || source.state === 'down' ? h('p', { class: 'reason' }, (source.reason || STATES[source.state]) + (source.until === null ? '' : ', until ' + clock.format(source.until))) : null);

const deviceRow = ({ active, unregistered, at }) =>
  h('li', { class: 'fact', 'data-row': 'devices' },
    h('p', { class: 'big' }, h('strong', {}, n(active)), active === 1 ? ' gets pushes' : ' get pushes'),
    bar([['delivered', active], ['unregistered', unregistered]], active + unregistered, n(active) + ' of ' + n(active + unregistered) + ' get pushes'),
    h('p', { class: 'pair small' }, h('span', {}, n(unregistered) + ' unregistered'), h('span', {}, 'counted ' + minute.format(at))));
`;

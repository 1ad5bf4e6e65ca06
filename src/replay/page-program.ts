/** The script and the style of the page of a run. The script runs in a browser, so it stands here as text. */

export const pageStyle = `
body { font: 14px system-ui, sans-serif; margin: 1rem 2rem; color: #0f172a; }
h1 { font-size: 1.2rem; margin: 0; }
#slider { width: 100%; }
.drawing { overflow: auto; border: 1px solid #e2e8f0; border-radius: 8px; margin: .5rem 0; max-height: 45vh; }
main { display: grid; grid-template-columns: 3fr 2fr; gap: 1rem; }
#events { max-height: 60vh; overflow: auto; margin: 0; padding-left: 4rem; font-family: ui-monospace, monospace; }
#events li { cursor: pointer; white-space: nowrap; }
#events li.now { background: #fee2e2; }
#events li.later { color: #94a3b8; }
#detail { overflow: auto; max-height: 60vh; margin: 0; background: #f8fafc; padding: .5rem; }
`;

export const pageProgram = `
const { revision, colors, scale, events } = JSON.parse(document.getElementById('run').textContent);
const byId = (id) => document.getElementById(id);
const boxes = new Map([...document.querySelectorAll('[data-task]')].map((box) => [box.dataset.task, box]));
const list = byId('events');
for (const [index, { type, words }] of events.entries()) {
  const item = document.createElement('li');
  item.textContent = type + '  ' + words;
  item.onclick = () => show(index);
  list.append(item);
}
function show(at) {
  const statuses = new Map();
  for (const { changes } of events.slice(0, at + 1)) for (const [task, status] of changes) statuses.set(task, status);
  for (const [task, box] of boxes) {
    const status = statuses.get(task) ?? 'waiting';
    box.querySelector('rect').setAttribute('fill', colors[status]);
    box.querySelector('title').textContent = task + ': ' + status;
  }
  for (const [index, item] of [...list.children].entries()) {
    item.className = index === at ? 'now' : index > at ? 'later' : '';
  }
  list.children[at].scrollIntoView({ block: 'nearest' });
  const { type, words, atMs, trigger, master, epoch, runStatus, data } = events[at];
  const seconds = ((atMs - scale.fromMs) / 1000).toFixed(3);
  byId('head').textContent = 'event ' + at + ' of ' + (events.length - 1) + ', +' + seconds + ' s: the run is ' + runStatus + ', epoch ' + epoch + ' of ' + master;
  byId('detail').textContent = type + ' ' + words + '\\nbecause of ' + trigger + '\\n\\n' + JSON.stringify(data, null, 2);
  const x = scale.left + ((atMs - scale.fromMs) / Math.max(1, scale.toMs - scale.fromMs)) * scale.width;
  const cursor = byId('cursor');
  cursor.setAttribute('x1', x);
  cursor.setAttribute('x2', x);
  cursor.setAttribute('visibility', 'visible');
  byId('slider').value = at;
}
byId('slider').oninput = ({ target }) => show(Number(target.value));
document.onkeydown = ({ key }) => {
  const at = Number(byId('slider').value);
  if (key === 'ArrowRight' && at < events.length - 1) show(at + 1);
  if (key === 'ArrowLeft' && at > 0) show(at - 1);
};
show(revision);
`;

// Lists in the arguments as boxes to untick: what stays in the field is what is proposed.
"use strict";
(() => {
  const field = document.getElementById("arguments"), keep = document.getElementById("keep");
  let value;
  try { value = JSON.parse(field.value); } catch { return; }
  const lists = Object.entries(value).filter(([, v]) => Array.isArray(v) && v.length > 1 && v.every((each) => typeof each !== "object"));
  for (const [name, items] of lists) {
    const set = document.createElement("fieldset"), legend = document.createElement("legend");
    legend.textContent = `Keep of ${name}`;
    set.append(legend);
    items.forEach((item, index) => {
      const label = document.createElement("label"), box = document.createElement("input"), text = document.createElement("bdi");
      box.type = "checkbox"; box.checked = true; box.dataset.list = name; box.dataset.index = String(index);
      text.textContent = JSON.stringify(item);
      label.className = "check";
      label.append(box, text);
      set.append(label);
    });
    keep.append(set);
  }
  keep.hidden = !lists.length;
  keep.addEventListener("change", () => {
    let now;
    try { now = JSON.parse(field.value); } catch { return; }
    for (const [name, items] of lists) {
      const kept = [...keep.querySelectorAll("input:checked")].filter((box) => box.dataset.list === name);
      now[name] = kept.map((box) => items[Number(box.dataset.index)]);
    }
    field.value = JSON.stringify(now, null, 2);
  });
})();

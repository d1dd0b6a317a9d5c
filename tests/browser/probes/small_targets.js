// Every visible thing to press that is smaller than a finger; links in running text may be. Within a label the
// label is what is pressed.
() =>
  [...document.querySelectorAll("a[href], button, input, summary")]
    .filter((element) => !element.matches(".skip, [type=hidden]") && !element.closest(".lead, .player-words"))
    .filter((element) => element.checkVisibility({ visibilityProperty: true }))
    .map((element) => element.closest("label") ?? element)
    .map((element) => [element.outerHTML.slice(0, 90), element.getBoundingClientRect()])
    .filter(([, box]) => box.width && (box.height < 43.9 || box.width < 31.9))
    .map(([html, box]) => `${html} ${box.width}x${box.height}`)

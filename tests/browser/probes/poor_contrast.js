// Text whose contrast with the nearest opaque ground is below AA; text over pictures is left to the eye.
() => {
  const pen = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const rgba = (colour) => {
    pen.clearRect(0, 0, 1, 1);
    pen.fillStyle = colour;
    pen.fillRect(0, 0, 1, 1);
    return [...pen.getImageData(0, 0, 1, 1).data];
  };
  const linear = (part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4);
  const light = ([red, green, blue]) =>
    0.2126 * linear(red / 255) + 0.7152 * linear(green / 255) + 0.0722 * linear(blue / 255);
  const leftToTheEye = "edged-player, .tile-link, .sr, .skip, noscript, :disabled";
  const poor = [];
  for (const element of document.querySelectorAll("body *")) {
    const text = [...element.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim());
    if (!text || !element.checkVisibility({ visibilityProperty: true })) continue;
    if (element.closest(leftToTheEye)) continue;
    const style = getComputedStyle(element);
    let ground = element;
    let colour = [0, 0, 0, 0];
    while (ground && colour[3] < 255) {
      colour = rgba(getComputedStyle(ground).backgroundColor);
      ground = ground.parentElement;
    }
    const [more, less] = [light(rgba(style.color)), light(colour)].sort((a, b) => b - a);
    const size = parseFloat(style.fontSize);
    const enough = size >= 24 || (size >= 18.66 && style.fontWeight >= 700) ? 3 : 4.5;
    const contrast = (more + 0.05) / (less + 0.05);
    if (contrast < enough) poor.push(`${element.outerHTML.slice(0, 80)} ${contrast.toFixed(2)}`);
  }
  return poor;
}

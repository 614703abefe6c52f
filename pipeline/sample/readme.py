"""The README.md that every sample carries."""

from pipeline.sample.groups import PATTERN
from pipeline.sample.write import LEAST_SHARE

README = f"""# A drawn sample of Korean won

Made by `boxwright sample`; every line of it is drawn, no photo is in it. `manifest.json` says
with which options; the same options and version give the same bytes.

| what | where |
| --- | --- |
| pictures, labels | a folder for each denomination, `10/` to `50000/`; JSON beside each |
| pictures without money | `background/`, no JSON |
| true outlines | `outlines.json`: whole and visible outline and tight box of every item |
| planted label errors | `truth.json`, only with `--errors` |
| a film and its truth | `video/sample.mp4`, `video/sample.json` |

- Eight classes. A raw label is a class and a face: `Ten_front` and `Ten_back` are `Ten`.
- Coins: `500_117_2.jpg` is denomination, group, shot. Notes: `50000_F_HAND_0_2.jpg` is
  denomination, face (F or B), scene, group, shot. A picture of several items lies in the folder
  of its main one.
- A group is one item in one scene, shot a few times; a split must not part it. Of the name
  without `.jpg`, `{PATTERN}` captures the group.
- A box is given by two corners in any order; with `--outlines` by a polygon, the item's true
  outline as far as it lies in the picture. The JSON's size and coordinates are those of a larger
  picture (`scale` in the manifest's options, 5 as a rule).
- A box is tight around the whole item as far as it lies in the picture, also where a finger or
  another item covers it. An item of which less than {LEAST_SHARE:.0%} is visible has no box.
"""

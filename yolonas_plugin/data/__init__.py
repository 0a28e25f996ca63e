"""Data sets as people have them: YOLO, COCO JSON and Pascal VOC, checked before any work starts.

The readers are our own, and thin. What people need before a training starts is a list of what is wrong, and no
converter gives it: supervision leaves out an image whose file is missing without a word, and stops at the first XML
file it can't parse, without naming it; globox and labelformat don't look at the images, and stop likewise; datumaro
wants a label map beside the annotations, and brings pandas, pyarrow and a second OpenCV; Ultralytics' converter
writes a copy of every label, and its own reader drops an image for one bad line, repairs JPEG files in place and
unpickles the cache that lies beside the labels. Here reading writes nothing, nothing is executed, and the labels stay
in memory.
"""

from yolonas_plugin.data.open import DataSet, check_data, open_data
from yolonas_plugin.data.report import DataReport, Finding, Kind
from yolonas_plugin.data.samples import Sample
from yolonas_plugin.data.writers import Written, write_labels

__all__ = ["DataReport", "DataSet", "Finding", "Kind", "Sample", "Written", "check_data", "open_data", "write_labels"]

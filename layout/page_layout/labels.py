"""What captions and some headings are called in each language; where nothing is here, a word of the language serves."""

from __future__ import annotations

from typing import Final

# alternatives are divided by "|"
FIGURE: Final = {
    "en": "Figure|Fig.", "de": "Abbildung|Abb.", "fr": "Figure|Fig.", "es": "Figura|Fig.", "pt": "Figura|Fig.",
    "nl": "Figuur|Fig.", "it": "Figura|Fig.", "pl": "Rysunek|Rys.", "cs": "Obrázek|Obr.", "sv": "Figur|Fig.",
    "fi": "Kuva", "da": "Figur|Fig.", "ru": "Рисунок|Рис.", "uk": "Рисунок|Рис.", "zh": "图", "ja": "図", "ko": "그림",
    "el": "Σχήμα|Εικόνα", "tr": "Şekil", "he": "איור", "ar": "الشكل", "vi": "Hình", "id": "Gambar", "hi": "चित्र",
    "th": "รูปที่", "la": "Fig.",
}  # fmt: skip
TABLE: Final = {
    "en": "Table|Tab.|TABLE", "de": "Tabelle|Tab.", "fr": "Tableau|Tab.", "es": "Tabla|Cuadro", "pt": "Tabela|Quadro",
    "nl": "Tabel", "it": "Tabella|Tab.", "pl": "Tabela|Tab.", "cs": "Tabulka|Tab.", "sv": "Tabell", "fi": "Taulukko",
    "da": "Tabel", "ru": "Таблица|Табл.", "uk": "Таблиця", "zh": "表", "ja": "表", "ko": "표", "el": "Πίνακας",
    "tr": "Tablo", "he": "טבלה", "ar": "الجدول", "vi": "Bảng", "id": "Tabel", "hi": "तालिका", "th": "ตารางที่",
    "la": "Tab.",
}  # fmt: skip
LISTING: Final = {"en": "Listing|Code|Example", "de": "Listing|Quelltext", "it": "Listato", "sv": "Listning"}
ABSTRACT: Final = {
    "en": "Abstract|Summary|ABSTRACT", "de": "Zusammenfassung", "fr": "Résumé", "es": "Resumen", "pt": "Resumo",
}  # fmt: skip
REFERENCES: Final = {
    "en": "References|Bibliography|REFERENCES",
    "de": "Literatur",
    "fr": "Références",
    "es": "Referencias",
}
INVOICE: Final = {
    "en": "Invoice|Order|Receipt|Quotation|Delivery note",
    "de": "Rechnung",
    "fr": "Facture",
    "es": "Factura",
}
NOTE: Final = {"en": "Note|Warning|Tip|Important|See also|Caution", "de": "Hinweis|Achtung|Wichtig"}
THEOREM: Final = {"en": "Theorem|Lemma|Definition|Proposition|Remark|Corollary|Example", "de": "Satz|Lemma|Definition"}
TASK: Final = {"en": "Problem|Exercise|Question|Task", "de": "Aufgabe"}

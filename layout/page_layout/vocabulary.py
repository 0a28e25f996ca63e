"""Everyday words of languages for which Faker has names and addresses but no text."""

from __future__ import annotations

from typing import Final

VOCABULARY: Final = {
    "pt": """de a o que e do da em um para com não uma os no se na por mais as dos como mas ao ele das à seu
        sua ou quando muito nos já eu também só pelo pela até isso ela entre depois sem mesmo aos seus quem nas
        me esse eles você essa num nem suas meu às minha numa pelos elas qual nós lhe deles essas esses pelas
        este dele tu te vocês vos lhes meus minhas teu governo cidade trabalho água tempo pessoas país mundo
        vida casa história questão produção relação informação educação saúde população universidade
        desenvolvimento administração conhecimento região serviço investigação português coração construção
        avaliação situação econômica política pública nacional""",
    "id": """yang dan di itu dengan untuk tidak ini dari dalam akan pada juga saya ke karena tersebut bisa ada
        mereka lebih telah sudah atau saat oleh menjadi orang ia sebagai adalah hari tahun anak negara
        pemerintah masyarakat kerja perusahaan pendidikan kesehatan pembangunan kebutuhan penelitian lingkungan
        pertanian keluarga pekerjaan perkembangan pertumbuhan kebijakan mengatakan memberikan melakukan
        menggunakan terhadap beberapa antara setelah sebelum kepada seperti banyak besar kecil baru lama rumah
        jalan kota desa air tanah laut gunung buku sekolah bahasa hukum ekonomi politik budaya sejarah ilmu
        teknologi""",
    "hi": """और के का की में से को है यह एक पर ने कि जो कर हैं था इस लिए साथ अपने तक भी नहीं हो गया किया वह या
        दिया करने लेकिन कुछ बाद जब समय काम लोग देश सरकार शहर घर पानी जीवन विकास शिक्षा स्वास्थ्य विश्वविद्यालय
        भारत हिन्दी भाषा पुस्तक विद्यालय अध्ययन विज्ञान इतिहास प्रकार प्रयोग सम्बन्ध अनुसार आवश्यक महत्वपूर्ण
        राष्ट्रीय आर्थिक सामाजिक संस्कृति परिवार बच्चों महिलाओं क्षेत्र कार्यक्रम व्यवस्था जानकारी प्रदेश विभाग
        संख्या वर्ष दिन रात बहुत अधिक नया पुराना बड़ा छोटा अच्छा पहला दूसरा तीसरा""",
    "sv": """och i att det som en på är av för med till den har de inte om ett han men var jag sig från vi så
        kan man när år säger hon under också efter eller nu sin där vid mot ska skulle kommer ut får finns vara
        hade alla andra mycket än här då sedan över bara in blir upp även vad få två vill ha många hur mer går
        sverige detta nya procent skall hela regeringen människor kommunen utveckling utbildning arbetsmarknad
        förändring möjligheter verksamhet undersökning samhället språk företag förhållande överenskommelse
        miljöfrågor sjukvård kärlek själv många årstid å ö""",
    "fi": """ja on ei että se hän oli joka mutta ovat myös kun niin sen olla tai jos mukaan vain sitä kuin mitä
        ole voi sekä jo ollut tämä suomen mutta vuonna kanssa hyvin ennen jälkeen ihmisten hallituksen
        kehittäminen yliopisto tutkimuksessa mahdollisuus työpaikka ympäristö yhteiskunta järjestelmä
        päätöksenteko terveydenhuolto kysymys vaikutus äiti yö työ päivä kesä sää pöytä käytäntö näkökulma
        lähtökohta erityisesti kuitenkin tietenkin esimerkiksi toisaalta kaupungissa talouden koulutusta
        historiallinen merkittävä suurin uusi vanha pieni""",
    "tr": """ve bir bu da de için ile çok olarak daha gibi olan en kadar sonra ne ya o ama var yok her şey ben
        sen biz onlar göre önce üzerinde arasında büyük küçük yeni eski iyi güzel ilk son gün yıl zaman insan
        ülke dünya şehir ev su yol iş çalışma eğitim sağlık üniversite öğrenci öğretmen araştırma geliştirme
        yönetim hükümet toplum kültür tarih bilim teknoloji ekonomi siyaset çevre değişim düşünce
        gerçekleştirilen değerlendirme ilişkiler açıklama özellikle örneğin böylece ancak çünkü ayrıca şekilde
        söyledi güçlü ışık ağaç çocuk kış ırmak""",
    "ko": """그리고 그러나 이것은 있는 하는 것이 대한 위해 우리 나라 사람 정부 사회 경제 문화 교육 역사 과학
        기술 연구 개발 환경 건강 대학교 학생 선생님 도시 마을 시간 생활 가족 아이들 세계 국가 국민 문제 방법
        결과 관계 변화 발전 정보 사업 회사 시장 산업 지역 서울 한국어 언어 문학 예술 음악 영화 신문 방송 인터넷
        컴퓨터 프로그램 시스템 데이터 분석 설명 이해 생각 마음 사랑 했다 한다 있다 없다 된다 같은 많은 새로운
        중요한 필요한 다양한 가장 매우 함께 통해 따라 때문에 이러한 모든""",
}

"""Words that somebody who guesses tries first: of common passwords, and of houses with cameras."""

_WORDS = """
    access account admin administrator afternoon airport alarm all alpha always amazon america amigo and
    anders andrea android angel angela anna any apple april are arsenal august autumn azerty baby back baker
    balcony banana baseball basement basketball batman bear beautiful bedroom best bike bird birthday black
    blue bonjour boss bravo bridge brother building but butterfly cabin cam camara camera cameras can car
    casa castle cat change changeme charlie cheese chelsea chicken child chocolate christmas church city
    class code coffee computer contrasena contraseña cookie cool corner courtyard dad daddy dance daniel
    dark david day dear december default delta demo diamond dog dollar door doorbell doorway dragon dream
    drei drive driveway earth east edged eight eingang elephant email enter entrance ete evening ever
    everyone example external family father february film first fish five flower football for forest forever
    four fox france free freedom friday friend friends from front fuck game garage garden garten gate geheim
    george germany girl give gold golden golf good google grandma grandpa granny green guest guests had hall
    hallo hallway hammer happy has haus have hello herbst here high hiver hockey hof holiday home honey
    horse hotel house hund hunter iloveyou internal internet iphone island jack january jardin jasmine
    jennifer jessica jesus john jordan july june junior justin kamera kids king kitchen kitten lady left
    letme letmein liberty liebe life light link live liverpool living livingroom login london look lord love
    lovely lucky magic main maison mama manager march maria market martin mary master matrix matthew may
    melissa merlin michael michelle mickey midnight mobile monday money monika monitor monkey moon morning
    motdepasse mother mountain movie mummy music mustang name nature network never new nice nicole night
    nine ninja nobody north not nothing november number october office one online open orange our outside
    p4ssword pa55word papa party pass passw0rd passwd password password1 passwort patrick peace pepper peter
    phone picture pizza please pool porch porte power prince princess private public puerta purple queen
    qwerty qwertz rabbit rainbow ranger record recording red remote rented right river robert rock room root
    rose sabine safe samsung sandra saturday schatz school schule sea secret secure security september
    server seven shadow share shop show silver sister six sky smile snow soccer soleil sommer sommerfest
    sonne sorry south spring star stefan stop store stream street sue summer sun sunday sunflower sunshine
    super superman support sweet system table ten tennis test testing thank that the them this thomas three
    thunder thursday tiger time tom tor trust trustno tuer tuesday two uncle user vacation video videos view
    viewer wall warehouse was watch water webcam wednesday weekend welcome west what white william
    willkommen wind window winter with wolf woman wonder word work world yard year yellow yes you your zero
    zugang zwei
"""

EASY = frozenset(_WORDS.split())
